"""Codes, places, nesting, the 2011 to 2021 crosswalk and roll-ups."""
