"""A made-up county in the publishers' own file layouts, and a local server that speaks their protocols.

Nothing here is a real place: the county lies in the North Sea, its codes are in ranges that the Office for
National Statistics has not given out, and every figure comes from a seed.
"""

DEMONSTRATION_NOTICE = "Demonstration data: not a real place"

# The seed of the county that `exclusion run --demo` shows.
DEFAULT_SEED = 20_260_101

# The parameters of a run on the made-up county: the road extract is named after it.
PARAMETERS = {"county": "larkenshire", "nation": "england"}


def county_name() -> str:
    """Return the name of the made-up county."""
    from exclusion.demo.names import COUNTY

    return COUNTY
