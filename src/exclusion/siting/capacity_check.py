"""Check an allocation and a capacity bound without a solver."""

from typing import Any

import numpy as np

from exclusion.errors import ContractError
from exclusion.siting.capacity_task import capacity_bound, task_of, whole_model
from exclusion.siting.conditions import Ints
from exclusion.siting.instance import Instance
from exclusion.siting.plan import Certificate, figure


def check_capacity(
    instance: Instance, record: dict[str, Any], certificate: Certificate, chosen: Ints
) -> list[str]:
    """Return what holds of an allocation and its bound. Raises ContractError where something does not."""
    answer = record["answer"]
    served = np.array(record["certificate"]["served"], dtype=np.int64).reshape(-1, 3)
    _check_allocation(instance, served, chosen, np.array(answer["sessions"], dtype=np.int64))
    value = int(served[:, 2].sum()) / instance.scale
    if not abs(value - float(answer["value"])) <= 1e-9 * max(1.0, value):
        raise ContractError(
            f"The plan says it serves {answer['value']:,.2f}; its allocation adds up to {value:,.2f}."
        )
    prices = certificate.prices
    bound = capacity_bound(task_of(instance, whole_model(instance)), prices.row, prices.cuts)
    stated = float(answer["certified_bound"])
    if bound != certificate.bound or not abs(bound / instance.scale - stated) <= 1e-9 * max(1.0, stated):
        raise ContractError("The prices give another bound than the plan states.")
    if value > bound / instance.scale + 1e-9:
        raise ContractError("The plan is worth more than its bound: the certificate is wrong.")
    said = [
        f"It serves {figure(value)} people, nobody twice and no venue beyond its capacity.",
        f"By the prices no plan can serve more than {figure(bound / instance.scale)}.",
    ]
    if answer["bound"] != answer["certified_bound"]:
        said.append(
            f"The closer bound of {figure(answer['bound'])} rests on the solver and is not checked here."
        )
    return said


def _check_allocation(instance: Instance, served: Ints, chosen: Ints, held: Ints) -> None:
    """Raise ContractError where (demand row, venue, people) triples break a condition."""
    assert instance.capacity is not None
    sessions = np.zeros(instance.venue_count, dtype=np.int64)
    sessions[instance.keep] = 1
    sessions[chosen] = held
    if (
        (sessions[chosen] < 1).any()
        or sessions[chosen].sum() > instance.pick
        or sessions.max() > instance.sessions
    ):
        raise ContractError("The plan holds more sessions than were asked for.")
    by_row, by_venue = np.zeros_like(instance.weight), np.zeros_like(sessions)
    np.add.at(by_row, served[:, 0], served[:, 2])
    np.add.at(by_venue, served[:, 1], served[:, 2])
    if (served[:, 2] < 0).any() or (by_row > instance.weight).any():
        raise ContractError("The plan serves more people in a row than live there.")
    if (by_venue > sessions * instance.capacity).any():
        raise ContractError("The plan serves more people at a venue than its champion can help.")
    pairs = np.repeat(np.arange(len(instance.weight), dtype=np.int64), np.diff(instance.indptr))
    keys = pairs * instance.venue_count + instance.columns
    if not np.isin(served[:, 0] * instance.venue_count + served[:, 1], keys).all():
        raise ContractError("The plan serves people at a venue beyond the limit.")
    for floor in instance.floors:
        if int(by_row[floor.rows].sum()) < floor.required:
            raise ContractError(
                f"The plan does not serve the least share that was asked for in {floor.label}."
            )
