"""Maps, lists, reports and the index page."""
