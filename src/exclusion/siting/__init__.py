"""Choose venues, with a proven bound."""
