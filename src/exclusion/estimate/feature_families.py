"""Families of features in plain words: what a group of columns is and where it comes from."""

import re
from collections.abc import Iterable

# The first pattern that a column's name begins with gives its family. The order is the order of reading.
_FAMILIES = (
    (r"near\d+_distance", "distances to the nearest areas"),
    (r"near\d+_", "means of the same figures over the nearest areas"),
    (r"ts003_", "household composition (Census 2021, TS003)"),
    (r"ts007a_", "age in five-year bands (Census 2021, TS007A)"),
    (r"ts011_", "households by dimensions of deprivation (Census 2021, TS011)"),
    (r"ts029_", "main language and proficiency in English (Census 2021, TS029)"),
    (r"ts037_", "general health (Census 2021, TS037)"),
    (r"ts038_", "disability (Census 2021, TS038)"),
    (r"ts044_", "type of accommodation (Census 2021, TS044)"),
    (r"ts045_", "cars and vans in the household (Census 2021, TS045)"),
    (r"ts054_", "tenure (Census 2021, TS054)"),
    (r"ts062_", "socio-economic classification, NS-SEC (Census 2021, TS062)"),
    (r"ts063_", "occupation (Census 2021, TS063)"),
    (r"ts065_", "employment history (Census 2021, TS065)"),
    (r"ts066_", "economic activity (Census 2021, TS066)"),
    (r"ts067_", "highest qualification (Census 2021, TS067)"),
    (r"ts068_", "schoolchildren and full-time students (Census 2021, TS068)"),
    (r"iod2025_", "English Indices of Deprivation 2025: scores and underlying indicators"),
    (r"wimd2019_", "Welsh Index of Multiple Deprivation 2019: ranks"),
    (r"msoa_", "language, of the neighbourhood (MSOA) that the area lies in (Census 2021)"),
    (r"mid2020_|mean_age", "single years of age, mid-2020"),
    (r"growth_since", "growth since mid-2020"),
    (r"(social_rent|owned_outright|no_car)_by_", "tenure and cars where many older people live (products)"),
    (r"age_|aged_", "people of an age, of all residents, of adults or in each household (Census 2021)"),
    (
        r"(children|adults|residents)_per_household|households_log|communal",
        "size of households and communal living (Census 2021)",
    ),
    (r"(in_work|long_out_of_work)_", "adults in work, and long out of it (Census 2021)"),
    (r"density", "density of population (Census 2021)"),
    (r"ruc_", "rural or urban class (Rural Urban Classification 2021)"),
    (r"[xy]_km|is_wales", "where in the country the area lies"),
)  # fmt: skip


def families(names: Iterable[str]) -> list[tuple[str, int]]:
    """Return the families of some features in plain words, each with its number of columns, in the order of reading.

    A column of no known family is counted under its own name, so that none is left out.
    """
    counts: dict[str, int] = {}
    known = [words for _, words in _FAMILIES]
    for name in names:
        words = next((words for pattern, words in _FAMILIES if re.match(pattern, name)), name)
        counts[words] = counts.get(words, 0) + 1
    place = {words: at for at, words in enumerate(known)}
    # what an area shows itself comes before what its neighbours show
    return sorted(
        counts.items(), key=lambda found: ("nearest areas" in found[0], place.get(found[0], len(known)))
    )
