"""Names with an English ring that belong to no real place, and where the settlements lie.

The names were checked against the ward, MSOA, council, library, surgery and mobile-library names of the open
data this project reads; the tests check them again.
"""

from dataclasses import dataclass

COUNTY = "Larkenshire"
REGION = "The Dogger Shires"
CARE_BOARD = "NHS Larkenshire Integrated Care Board"


@dataclass(frozen=True)
class Settlement:
    """One town or village: position in km from the county's south-west corner, residents, and kind.

    `kind` is `large_town` (75,000 people and more), `town` (10,000 and more), `large_village` or `village`.
    `hardship` shifts the deprivation of its neighbourhoods, `age` how old its people are (both in standard
    deviations).
    """

    name: str
    x_km: float
    y_km: float
    residents: int
    kind: str
    hardship: float = 0.0
    age: float = 0.0


@dataclass(frozen=True)
class District:
    """One district council: the point it grows from, in km, and its pull against its neighbours."""

    name: str
    x_km: float
    y_km: float
    pull: float


DISTRICTS = (
    District("Larkminster", 43.5, 19.0, 0.72),
    District("Quern Valley", 32.0, 39.5, 1.0),
    District("Merrowdale and the Moors", 11.0, 38.0, 1.12),
    District("Samphire Coast", 57.5, 43.5, 1.0),
    District("Quernmouth and the Saltings", 60.5, 27.5, 0.85),
    District("Netherfold", 24.0, 13.5, 1.08),
)

TOWNS = (
    Settlement("Larkminster", 43.5, 19.0, 84_000, "large_town", 0.25, -0.5),
    Settlement("Quernmouth", 58.2, 28.6, 36_000, "town", 0.75, -0.1),
    Settlement("Aldermarsh", 32.5, 38.5, 24_000, "town", -0.1, 0.1),
    Settlement("Samphire Sands", 58.6, 45.6, 16_000, "town", 0.35, 1.2),
    Settlement("Skerrowby", 22.5, 15.5, 12_500, "town", 0.3, 0.0),
)

LARGE_VILLAGES = (
    Settlement("Fallowmere", 35.5, 11.2, 5_600, "large_village", -0.6, 0.0),
    Settlement("Kestrelby", 51.5, 12.0, 5_200, "large_village", -0.5, 0.1),
    Settlement("Thrushwick", 38.8, 27.8, 4_800, "large_village", -0.7, 0.0),
    Settlement("Ottermere", 49.2, 34.8, 4_300, "large_village", -0.2, 0.2),
    Settlement("Hawsegarth", 16.8, 34.0, 3_900, "large_village", 0.1, 0.4),
    Settlement("Plovergate", 28.0, 27.0, 3_700, "large_village", -0.2, 0.1),
    Settlement("Curlewick", 45.5, 49.5, 3_600, "large_village", 0.0, 0.5),
    Settlement("Heronsea", 62.8, 37.2, 3_400, "large_village", 0.2, 0.9),
    Settlement("Merlinthwaite", 13.2, 45.8, 3_000, "large_village", 0.1, 0.5),
    Settlement("Whinbeck", 14.0, 12.2, 3_200, "large_village", 0.2, 0.2),
    Settlement("Brackenthorpe", 24.5, 47.5, 2_900, "large_village", 0.1, 0.3),
    Settlement("Dunlinmouth", 61.8, 14.2, 3_300, "large_village", 0.4, 0.8),
)

VILLAGES = (
    ("Tarnholt", 8.6, 30.6), ("Merrowhead", 6.8, 41.2), ("Ouzelthwaite", 11.6, 39.2), ("Lingthwaite", 7.2, 49.6),
    ("Bilberrow", 17.6, 51.2), ("Juniperstead", 20.0, 41.6), ("Aldergill", 9.6, 21.8), ("Thackbeck", 16.2, 25.6),
    ("Hurdlethwaite", 22.4, 32.6), ("Skirlbeck", 27.4, 42.6), ("Skirldale", 33.2, 48.8), ("Tupholt", 38.6, 44.0),
    ("Gimmerby", 41.8, 38.6), ("Wattleby", 44.2, 43.2), ("Yarrowick", 51.0, 45.2), ("Cranemere", 50.4, 52.2),
    ("Stoatley", 39.0, 53.2), ("Wetherfold", 28.6, 53.4), ("Ternsea", 57.4, 52.6), ("Godwitby", 62.6, 48.8),
    ("Marramby", 60.6, 41.6), ("Oystergarth", 53.4, 30.6), ("Cocklesby", 59.8, 22.2), ("Sedgeholm", 54.6, 18.4),
    ("Reedleham", 52.6, 24.2), ("Eelstow", 47.4, 28.6), ("Pippinstow", 45.6, 9.8), ("Medlarstow", 40.2, 7.4),
    ("Damsonby", 31.6, 6.6), ("Quinceford", 33.8, 17.6), ("Costardby", 28.6, 12.2), ("Russetby", 29.4, 21.2),
    ("Slowthorn", 20.0, 8.0), ("Hedgeley Cross", 17.4, 18.6), ("Bittersby", 24.8, 22.8), ("Yaffleby", 36.0, 23.4),
    ("Rookthorpe", 48.4, 15.4), ("Jackdawby", 56.4, 9.2), ("Linnetby", 37.6, 33.6), ("Redwingby", 45.0, 33.6),
    ("Dotterelby", 10.0, 8.4), ("Fieldfarrow", 30.4, 32.6), ("Grousdale", 12.8, 52.6), ("Peatholm", 21.4, 55.0),
    ("Cloudberrick", 4.9, 36.2), ("Twitefold", 26.4, 36.6),
)  # fmt: skip

ISLAND_VILLAGE = Settlement("Eidersay", 70.3, 44.2, 1_450, "village", 0.2, 0.9)

# Wards and neighbourhoods of towns are named from these, with the town's quarter where they run out.
QUARTERS = (
    "Minsterholm", "Castle Garth", "Wherry Quay", "Larkenrise", "Otterbank", "Tannery Row", "Cinder Lane", "Rushymead",
    "Windlestrawe", "Foundry Green", "Hollin Bank", "Sorrel Park", "Goosegate", "Bellmaker", "Drovers End", "Tansy Hill",
    "Spindle Wood", "Barley Rigg", "Cobblers Cross", "Teasel Moor", "Haybarrow", "Linden Rise", "Milldam", "Ropewalk",
    "Pinfold Dyke", "Saltpan", "Fishergate Staithe", "Wrack Shore", "Curlew Bight", "Lamplighter", "Netloft",
    "Marrambank", "Bathing Green", "Kiln Leaze", "Sexton Acre", "Plashmead", "Turnpike Oaks", "Fulling Mead", "Warren Slack",
)  # fmt: skip

STREETS = (
    "High Street", "Church Lane", "Station Road", "Mill Lane", "Back Lane", "Market Place", "Chapel Row", "School Lane",
    "Ferry Road", "Moor Lane", "Green End", "Beck Side", "Drove Road", "Kirk Gate", "Sandy Lane", "Town Street",
)  # fmt: skip


def all_names() -> tuple[str, ...]:
    """Return the names of the county, its districts and its settlements."""
    return (
        COUNTY,
        *(district.name for district in DISTRICTS),
        *(place.name for place in (*TOWNS, *LARGE_VILLAGES, ISLAND_VILLAGE)),
        *(name for name, _, _ in VILLAGES),
    )
