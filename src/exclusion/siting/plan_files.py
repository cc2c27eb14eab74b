"""Plans on disk: plan.json with everything that was asked and found, plan.csv and plan.geojson for other tools."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from exclusion.errors import ContractError, InputError
from exclusion.files import atomic_path, sha256_of_parts, stable_json, write_text
from exclusion.siting.certificate import Cut, Prices
from exclusion.siting.conditions import Floor
from exclusion.siting.explanation import Explanation
from exclusion.siting.instance import Instance
from exclusion.siting.plan import Certificate, Plan

FORMAT = "exclusion plan 1"


def plan_record(
    plan: Plan, explanation: Explanation | None = None, about: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a plan as plain values: the question, the inputs in whole numbers, the answer and its certificate.

    `about` is whatever else a reader should find beside it: rows left out, sources, what travel rests on.

    The same problem and effort give the same record, unless HiGHS was stopped by the clock (its log entry then says
    "stopped" or "killed").
    """
    problem = plan.problem
    inputs = _inputs(plan)
    return {
        "format": FORMAT,
        "summary": plan.summary,
        "question": {
            "goal": problem.goal,
            "place": problem.place_name,
            "weight": problem.weight,
            "weight_name": problem.weight_name,
            "choose": problem.choose,
            "limit_min": problem.limit_min,
            "budget": problem.budget,
            "share_pct": problem.share_pct,
            "full_min": problem.full_min,
            "backup_share": problem.backup_share if problem.goal == "backup" else None,
            "keep": sorted(problem.keep),
            "is_keep_counted": problem.is_keep_counted,
            "must": sorted(problem.must),
            "never": sorted(problem.never),
            "one_per": problem.one_per,
            "kind_at_most": dict(problem.kind_at_most),
            "rural_share": problem.rural_share,
            "district_share": problem.district_share,
            "minimum_gain": problem.minimum_gain,
            "sessions_at_most": problem.sessions_at_most,
        },
        "answer": {
            "chosen": list(plan.chosen_ids),
            "chosen_at": list(plan.chosen),
            "sessions": list(plan.sessions),
            "value": plan.value,
            "bound": plan.bound,
            "certified_bound": plan.certified_bound,
            "gap_pct": plan.gap_pct,
            "is_proven": plan.is_proven,
            "people_total": plan.people_total,
            "people_reached": plan.people_reached,
            "people_reached_before": plan.people_reached_before,
            "people_reachable": plan.people_reachable,
            "reached_pct": plan.reached_pct,
        },
        "inputs": inputs,
        "inputs_sha256": _hash(inputs),
        "certificate": _certificate_record(plan),
        "explanation": explanation.record() if explanation is not None else None,
        "about": dict(about or {}),
        "solver_log": plan.log,
    }


def write_plan(
    plan: Plan,
    folder: Path,
    explanation: Explanation | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write plan.json, plan.csv and plan.geojson into a folder; return their paths.

    The venues table needs `x_m` and `y_m` (EPSG:27700) for plan.geojson, which is in longitude and latitude as
    RFC 7946 asks.
    """
    paths = [folder / "plan.json", folder / "plan.csv", folder / "plan.geojson"]
    write_text(paths[0], stable_json(plan_record(plan, explanation, about), indent=None))
    table = plan_table(plan, explanation)
    with atomic_path(paths[1]) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    write_text(paths[2], stable_json(_geojson(table)))
    return paths


def plan_table(plan: Plan, explanation: Explanation | None = None) -> Any:
    """Return one row for each open venue: chosen ones in order, then kept ones.

    Columns: `order` (null for kept venues), `venue_id, status` ("chosen" or "kept"), what is known of the venue (`name, kind,
    postcode`, ward and council, `x_m, y_m` in whole metres of EPSG:27700), and what the explanation adds: `people_added,
    people_nearest, people_lost_if_closed` in whole people (null where it does not apply), `near_ties` by name with the
    people each would lose, `nearest_open_km, chosen_in_draws_pct`. plan.json holds the unrounded numbers.
    """
    import pandas as pd

    venues = plan.problem.venues.reset_index(drop=True)
    positions = [*plan.chosen, *(place for place in plan.instance.keep.tolist())]
    chosen = len(plan.chosen)
    table = pd.DataFrame(
        {
            "order": pd.array([*range(1, chosen + 1), *([None] * (len(positions) - chosen))], dtype="Int64"),
            "venue_id": [str(plan.venue_ids[place]) for place in positions],
            "status": ["chosen"] * chosen + ["kept"] * (len(positions) - chosen),
        }
    )
    for name in ("name", "kind", "postcode", "wd_cd", "wd_nm", "lad_cd", "lad_nm", "x_m", "y_m"):
        if name in venues.columns:
            table[name] = venues[name].iloc[positions].to_numpy()
    for name in ("x_m", "y_m"):
        if name in table.columns:
            table[name] = _whole(table[name])
    if plan.instance.goal == "capacity":
        table["sessions"] = [*plan.sessions, *([1] * (len(positions) - chosen))]
    if explanation is not None:
        told = explanation.venues.drop(columns="near_tie_losses")
        for name in ("people_added", "people_nearest", "people_lost_if_closed"):
            told[name] = _whole(told[name])
        names = dict(zip(plan.venue_ids.tolist(), venue_names(plan), strict=True))
        told["near_ties"] = [
            "; ".join(f"{names[other]} ({fewer(loss)})" for other, loss in near_ties(row))
            for row in explanation.venues.itertuples(index=False)
        ]
        table = table.merge(told, on="venue_id", how="left", validate="one_to_one")
    return table


def near_ties(row: Any) -> list[tuple[str, float]]:
    """Return the near-ties of a row of an explanation's venues: venue id and the people it would lose."""
    ids, losses = str(row.near_ties).split(), str(row.near_tie_losses).split()
    return [(one, float(loss)) for one, loss in zip(ids, losses, strict=True)]


def fewer(people: float) -> str:
    """Say how many people fewer a replacement would reach."""
    return f"{people:,.0f} fewer" if round(people) else "as many"


def _whole(values: Any) -> Any:
    import pandas as pd

    return pd.array(np.rint(values.to_numpy(dtype=np.float64, na_value=np.nan)), dtype="Int64")


def _geojson(table: Any) -> dict[str, Any]:
    from pyproj import Transformer

    if "x_m" not in table.columns or "y_m" not in table.columns:
        raise ContractError(
            "The venues table has no x_m and y_m, so the plan cannot be put on a map: add them."
        )
    longitude, latitude = Transformer.from_crs(27700, 4326, always_xy=True).transform(
        table["x_m"].to_numpy(dtype=np.float64), table["y_m"].to_numpy(dtype=np.float64)
    )
    rows = json.loads(table.drop(columns=["x_m", "y_m"]).to_json(orient="records"))
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [round(float(x), 6), round(float(y), 6)]},
                "properties": row,
            }
            for row, x, y in zip(rows, longitude, latitude, strict=True)
        ],
    }


def _inputs(plan: Plan) -> dict[str, Any]:
    instance = plan.instance
    record: dict[str, Any] = {}
    for one in fields(Instance):
        value = getattr(instance, one.name)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif one.name == "partitions":
            value = [[group.tolist(), left.tolist()] for group, left in value]
        elif one.name == "floors":
            value = [{"label": f.label, "rows": f.rows.tolist(), "required": f.required} for f in value]
        record[one.name] = value
    record["demand_id"] = plan.problem.demand["demand_id"].astype(str).tolist()
    record["venue_id"] = plan.venue_ids.tolist()
    # Names and rural rows are for people and for comparing two files; no condition rests on them.
    demand = plan.problem.demand
    record["venue_name"] = venue_names(plan)
    has_rural = "is_rural" in demand.columns and not demand["is_rural"].isna().any()
    record["is_rural"] = demand["is_rural"].astype(int).tolist() if has_rural else None
    return record


def venue_names(plan: Plan) -> list[str]:
    """Return the venues' names in the order of the problem's table, ids where there are none."""
    return [
        str(identity) if name is None or name != name else str(name)  # noqa: PLR0124 - a null that is not a number
        for identity, name in zip(
            plan.venue_ids, plan.problem.venues.get("name", plan.venue_ids), strict=True
        )
    ]


def _hash(inputs: dict[str, Any]) -> str:
    return sha256_of_parts([stable_json(inputs, indent=None)])


def _certificate_record(plan: Plan) -> dict[str, Any]:
    certificate = plan.certificate
    record = {
        "row_price": certificate.prices.row.tolist(),
        "floor_price": certificate.prices.floor.tolist(),
        "budget_price": certificate.prices.budget,
        "dominated": certificate.prices.dominated.tolist(),
        "bound": certificate.bound,
        "pick": certificate.pick,
        "at": certificate.at,
    }
    if plan.served is not None:
        record["served"] = plan.served.tolist()
        record["cuts"] = [
            {"rows": cut.rows.tolist(), "columns": cut.columns.tolist(), "size": cut.size, "price": cut.price}
            for cut in certificate.prices.cuts
        ]
    return record


def read_record(path: Path) -> dict[str, Any]:
    """Read a plan.json. Raises InputError where the file is no plan."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as a plan ({error}): give the plan.json that a plan wrote."
        ) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(
            f"{path} is not a plan of this format ({FORMAT!r}): give the plan.json that a plan wrote."
        )
    return record


def instance_from(record: dict[str, Any]) -> Instance:
    """Rebuild the whole-number problem from a record. Raises ContractError where the inputs were changed."""
    inputs = record["inputs"]
    if _hash(inputs) != record["inputs_sha256"]:
        raise ContractError(
            "The inputs in the plan file do not match their hash: the file was changed after it was made."
        )
    known: dict[str, Any] = {}
    for one in fields(Instance):
        value = inputs[one.name]
        if one.name == "partitions":
            value = tuple((np.array(g, dtype=np.int64), np.array(left, dtype=np.int64)) for g, left in value)
        elif one.name == "floors":
            value = tuple(
                Floor(label=f["label"], rows=np.array(f["rows"], dtype=np.int64), required=f["required"])
                for f in value
            )
        elif one.name in ("columns", "hundredths"):
            value = np.array(value, dtype=np.int32)
        elif isinstance(value, list):
            value = np.array(value, dtype=np.int64)
        known[one.name] = value
    return Instance(**known)


def certificate_from(record: dict[str, Any]) -> Certificate:
    """Rebuild the certificate from a record."""
    kept = record["certificate"]
    return Certificate(
        prices=Prices(
            row=np.array(kept["row_price"], dtype=np.int64),
            floor=np.array(kept["floor_price"], dtype=np.int64),
            budget=int(kept["budget_price"]),
            dominated=np.array(kept["dominated"], dtype=np.int64).reshape(-1, 2),
            cuts=tuple(
                Cut(
                    rows=np.array(cut["rows"], dtype=np.int64),
                    columns=np.array(cut["columns"], dtype=np.int64),
                    size=int(cut["size"]),
                    price=int(cut["price"]),
                )
                for cut in kept.get("cuts", [])
            ),
        ),
        bound=int(kept["bound"]),
        pick=int(kept["pick"]),
        at=kept["at"],
    )
