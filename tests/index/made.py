"""Made indicator tables and specs for the tests of the index."""

from copy import deepcopy

import numpy as np
import pandas as pd

from exclusion.index.rules import check_rules
from exclusion.index.spec import Spec, load_spec, parse_spec


def table(n=400, seed=1):
    """A made table that holds every column of the shipped specs, with councils, MSOAs and rural classes."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"E{1_000_000 + i:08d}" for i in range(n)], name="lsoa21cd")
    columns = {}
    for name in ("default", "deri"):
        for indicator in load_spec(name).indicators:
            for column in indicator.denominator:
                columns.setdefault(column, rng.integers(600, 2400, n).astype(float))
    poverty = rng.normal(size=n)
    for name in ("default", "deri"):
        for indicator in load_spec(name).indicators:
            for column in indicator.numerator:
                if column not in columns:
                    share = 0.2 / (1 + np.exp(-(poverty + rng.normal(size=n))))
                    columns[column] = rng.binomial(
                        columns[indicator.denominator[0]].astype(int), share
                    ).astype(float)
    out = pd.DataFrame(columns, index=index)
    out["broadband_deficit"] = rng.gamma(2.0, 10.0, n)
    out["broadband_deficit__status"] = "observed"
    out["iod2025_connectivity_score"] = rng.uniform(0, 100, n)
    out["help_min"] = rng.gamma(2.0, 12.0, n)
    council = np.arange(n) * 8 // n
    out["lad_cd"] = [f"E0600000{c}" for c in council]
    out["rgn_cd"] = [f"E1200000{c // 4}" for c in council]
    out["msoa21cd"] = [f"E02{i // 5:06d}" for i in range(n)]
    out["is_rural"] = rng.random(n) < 0.25
    out["ruc21cd"] = np.where(out["is_rural"], "RSN1", "UN1")
    out["nation"] = "England"
    out["people_offline"] = rng.gamma(4.0, 20.0, n)
    return out


def default_data():
    """The shipped default spec as plain data, to be edited."""
    import tomllib
    from importlib import resources

    text = resources.files("exclusion.index").joinpath("specs", "default.toml").read_text(encoding="utf-8")
    return deepcopy(tomllib.loads(text))


def parsed(data, name="test.toml"):
    spec = parse_spec(data, name)
    check_rules(spec, name)
    return spec


def spec_of(domains, *, rural=False, **index) -> Spec:
    """A spec from {domain: (weight, combine, [(column, weight, direction)])} on ready-made columns."""
    data = {
        "index": {"id": "made", "version": "1", "label": "Made", "higher_is": "more_excluded", **index},
        "domains": {},
        "indicator": [],
    }
    for name, (weight, combine, members) in domains.items():
        data["domains"][name] = {"weight": weight, "label": name.title(), "combine": combine}
        for column, inner, direction in members:
            data["indicator"].append(
                {
                    "id": f"i_{column}",
                    "domain": name,
                    "label": column,
                    "weight": inner,
                    "direction": direction,
                    "column": column,
                    "phrase": f"{column} is high",
                    "source": {"id": column},
                }
            )
    if rural:
        data["rural"] = {
            "mode": "effective_need",
            "lambda": 0.25,
            "cap": 1.5,
            "measures": [{"column": "minutes", "t0": 15.0, "t1": 60.0, "unit": "min", "label": "minutes"}],
        }
    return parsed(data)
