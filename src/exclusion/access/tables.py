"""Contracts of the tables that leave this room: demand, travel and reach, checked in production too."""

from collections.abc import Callable
from typing import Any

import numpy as np

from exclusion.errors import ContractError

_TOLERANCE = 1e-6
_MINUTES = (
    "help_min",
    "help_car_min",
    "help_other_min",
    "second_help_min",
    "help_min_p50",
    "help_min_p90",
)


def _schema(
    title: str, columns: dict[str, tuple[Any, Callable[[Any], Any] | None, bool]], checks: list[Any]
) -> Any:
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            name: pa.Column(
                dtype,
                checks=None if rule is None else pa.Check(rule, error="is out of range"),
                nullable=is_nullable,
            )
            for name, (dtype, rule, is_nullable) in columns.items()
        },
        checks=checks,
        strict=True,
        ordered=True,
        name=title,
    )


def _not_negative(column: Any) -> Any:
    return np.isfinite(column) & (column >= 0)


def _share(column: Any) -> Any:
    return (column >= -_TOLERANCE) & (column <= 100 + _TOLERANCE)


def checked_demand(demand: Any) -> Any:
    """Return the `demand` table if it keeps its contract, else raise ContractError.

    Columns: `demand_id` (unique, ascending), `lsoa21cd`, `x_m, y_m` (EPSG:27700), `adults`, `people_offline` (0 or
    more, never null), `has_car`, `place_from`.
    """
    columns = {
        "demand_id": (None, lambda ids: ids.is_monotonic_increasing & ~ids.duplicated(), False),
        "lsoa21cd": (None, None, False),
        # The west of Northern Ireland lies off the grid's false origin.
        "x_m": (float, lambda x: (x > -100_000) & (x < 800_000), False),
        "y_m": (float, lambda y: (y > 0) & (y < 1_400_000), False),
        "adults": (float, _not_negative, False),
        "people_offline": (float, _not_negative, False),
        "has_car": (bool, None, False),
        "place_from": (None, None, False),
    }
    return _validated(_schema("demand", columns, []), demand, "demand_id")


def checked_travel(travel: Any, *, limit_min: float) -> Any:
    """Return the `travel` table if it keeps its contract (`measures.travel_table`), else raise ContractError."""

    def minutes(column: Any) -> Any:
        return (column >= 0) & (column <= limit_min + _TOLERANCE)

    columns: dict[str, tuple[Any, Callable[[Any], Any] | None, bool]] = {
        "lsoa21cd": (None, lambda ids: ids.is_monotonic_increasing & ~ids.duplicated(), False),
        **dict.fromkeys(_MINUTES, (float, minutes, False)),
        "venues_within_15_min": (float, _not_negative, False),
        "venues_within_30_min": (float, _not_negative, False),
        "help_supply": (float, _not_negative, False),
        "people_offline_beyond_20_min": (float, _not_negative, False),
        "offline_within_20_min_pct": (float, _share, False),
        "people_offline_beyond_limit": (float, _not_negative, False),
        "is_beyond_limit": (bool, None, False),
        "nearest_venue_id": (None, None, True),
        "nearest_venue_nm": (None, None, True),
        "engine": (None, None, False),
        "population_from": (None, None, False),
    }
    return _validated(_schema("travel", columns, []), travel, "lsoa21cd")


def empty_travel() -> Any:
    """Return a `travel` table without rows, for a spine where no source says where help is given."""
    import pandas as pd

    numbers = (
        *_MINUTES, "venues_within_15_min", "venues_within_30_min", "help_supply", "people_offline_beyond_20_min",
        "offline_within_20_min_pct", "people_offline_beyond_limit",
    )  # fmt: skip
    words = ("nearest_venue_id", "nearest_venue_nm", "engine", "population_from")
    return pd.DataFrame(
        {"lsoa21cd": pd.Series(dtype=str)}
        | {name: pd.Series(dtype=float) for name in numbers}
        | {name: pd.Series(dtype=object) for name in ("is_beyond_limit", *words)}
    )


def checked_reach(pairs: Any, *, limit_min: float) -> Any:
    """Return the `reach` table (`demand_id, venue_id, minutes`, unique pairs within the limit), else raise."""
    import pandera.pandas as pa

    columns = {
        "demand_id": (None, None, False),
        "venue_id": (None, None, False),
        "minutes": (None, lambda minutes: (minutes >= 0) & (minutes <= limit_min + 1e-3), False),
    }
    unique = pa.Check(
        lambda table: ~table.duplicated(["demand_id", "venue_id"]).any(),
        error="holds a pair of demand and venue twice",
    )
    return _validated(_schema("reach", columns, [unique]), pairs, "demand_id")


def _validated(schema: Any, table: Any, key: str) -> Any:
    import pandas as pd
    import pandera.errors

    try:
        return schema.validate(table, lazy=True)
    except pandera.errors.SchemaErrors as faults:
        cases = faults.failure_cases
        first = cases.iloc[0]
        where = f" ({first['failure_case']})"
        if not pd.isna(first["index"]) and key in table.columns:
            where = f" at {table[key].loc[first['index']]}{where}"
        raise ContractError(
            f"The {schema.name} table breaks its contract: {first['column'] or 'the table'} {first['check']}{where};"
            f" {len(cases)} faults in all. This is a fault of the access step: report it with the input's hashes."
        ) from faults
