"""Prefect flows: thin skins over the plan; no arithmetic here."""
