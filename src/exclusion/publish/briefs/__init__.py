"""One-page briefs of an area, a council or a plan: written from results by template, in plain English."""
