"""Prefect flows: thin skins over `exclusion.plan`, for those who schedule."""
