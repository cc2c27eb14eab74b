"""Results of a made county for the tests of lists, sheets, map files and briefs."""

import numpy as np
import pandas as pd

from exclusion.publish.lists import ranked_list
from tests.publish.map_made import made_areas, made_table


def made_results():
    """Areas (GeoDataFrame) and their results by `lsoa21cd`, whole people, one area not ranked, hostile names."""
    areas = made_areas()
    table = made_table(areas)
    people = table["people_offline"].round()
    table = table.assign(
        people_offline=people,
        people_offline_low=(0.7 * people).round(),
        people_offline_high=(1.4 * people).round(),
    )
    count = len(areas)
    rows = pd.DataFrame(areas.drop(columns="geometry")).set_index("lsoa21cd").join(table)
    rows["msoa21cd"] = [f"E020000{at // 5:02d}" for at in range(count)]
    rows["msoa21nm"] = [f"Fellshire {at // 5 + 1:03d}" for at in range(count)]
    rows["msoa_hcl_nm"] = [f"Neighbourhood {at // 5}" for at in range(count)]
    rows.loc[rows.index[2], "msoa_hcl_nm"] = '=HYPERLINK("http://x","y")'
    rows.loc[rows.index[4], "msoa_hcl_nm"] = None
    rows["wd_cd"] = [f"E050000{at // 3:02d}" for at in range(count)]
    for name, code, label in (
        ("utla", "E10000099", "Fellshire"),
        ("cauth", None, None),
        ("icb", "E54000099", "NHS Fells"),
        ("rgn", "E12000099", "The Fells"),
    ):
        rows[f"{name}_cd"], rows[f"{name}_nm"] = code, label
    rows["nation"] = "England"
    rows["residents"], rows["households"] = rows["adults"] + 300, rows["adults"] // 2
    rows["definition"] = "adults aged 16 and over without internet access at home"
    rows["stability"] = "undecided"
    for name, share in (("aged_75plus_pct", 11.0), ("no_car_pct", 22.0), ("disabled_pct", 18.0)):
        rows[name] = share + np.arange(count) / 10
    for rank in ("exclusion_rank", "risk_rank"):
        rows.loc[rows.index[6], [rank, f"{rank}_low", f"{rank}_high"]] = np.nan
    return areas, rows


def made_list():
    """Areas, results and the whole ranked list."""
    areas, results = made_results()
    return areas, results, ranked_list(results)
