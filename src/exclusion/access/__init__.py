"""Travel time to help from where people live.

`assessment.assess_access` is the way in: areas, people and venues in; the demand, travel and reach tables out.
`population` says where people live, `travel` how long a journey takes (engines in `straight`, `road_graph` and
`friction`), `measures` what follows for each area, `surfaces` draws it as a raster. The speeds, waits and
detours that are assumed stand in `modes`, each with its source. Nothing heavy is imported here.
"""
