"""The declared index: transforms, domains, weights, the rural weight, explanation and uncertainty."""
