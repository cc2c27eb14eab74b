"""Check a plan file without a solver: that it keeps its conditions, is worth what it says, and is bounded as it says.

Nothing here trusts what found the plan. The value is counted again from the reach lists; the bound is computed again
from the prices, in whole numbers (see `exclusion.siting.certificate`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from exclusion.errors import ContractError
from exclusion.siting.certificate import bound_of
from exclusion.siting.conditions import Ints
from exclusion.siting.greedy import floors_held, is_allowed_set
from exclusion.siting.instance import Instance
from exclusion.siting.model import model_of
from exclusion.siting.plan import Certificate, covered, figure, mean_minutes, nearest
from exclusion.siting.plan_files import certificate_from, instance_from, read_record

# whatever a file that was damaged or made up can make the reading of it run into
_DAMAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Say whether a plan file holds, and sentence by sentence what was checked."""

    is_valid: bool
    sentences: tuple[str, ...]


def verify(plan: Path | dict[str, Any]) -> Verification:
    """Check a plan.json (or its record) with integer arithmetic alone.

    Raises InputError where the file is no plan. Faults in the plan are returned, not raised.
    """
    record = read_record(plan) if isinstance(plan, Path) else plan
    try:
        instance = instance_from(record)
        certificate = certificate_from(record)
        good = _checked(record, instance, certificate)
    except ContractError as error:
        return Verification(is_valid=False, sentences=(str(error),))
    except _DAMAGE as error:
        return Verification(
            is_valid=False,
            sentences=(f"The plan file is damaged: {type(error).__name__} {error} while reading it.",),
        )
    return Verification(is_valid=True, sentences=tuple(good))


def _checked(record: dict[str, Any], instance: Instance, certificate: Certificate) -> list[str]:
    answer = record["answer"]
    chosen = np.array(answer["chosen_at"], dtype=np.int64)
    ids = record["inputs"]["venue_id"]
    if [ids[place] for place in chosen] != answer["chosen"] or len(np.unique(chosen)) != len(chosen):
        raise ContractError("The chosen venues and their places in the table do not match.")
    _check_question(record, instance)
    _check_conditions(instance, chosen)
    _check_counts(record, instance, np.union1d(instance.keep, chosen).astype(np.int64))
    one = len(chosen) == 1
    good = [
        f"The {'chosen venue keeps' if one else f'{len(chosen)} chosen venues keep'} to every condition of the question."
    ]
    if instance.goal == "capacity":
        from exclusion.siting.capacity_check import check_capacity

        said = check_capacity(instance, record, certificate, chosen)
        _check_claims(record, instance)
        return good + said
    found = _value(instance, chosen)
    if differs(answer["value"], found):
        raise ContractError(
            f"The plan says its value is {figure(answer['value'])}, but its venues give {figure(found)}."
        )
    good.append(f"Its value is {figure(found)}, as stated.")
    said = _bound_sentences(record, instance, certificate, found)
    _check_claims(record, instance)
    return good + said


def differs(stated: Any, found: float) -> bool:
    """Return whether a number of the file is not the one that was found; what is no number differs from every one."""
    return not abs(float(stated) - found) <= 1e-9 * max(1.0, abs(found))


def _check_question(record: dict[str, Any], instance: Instance) -> None:
    """Raise ContractError where the question that people read is not the one that was answered."""
    asked, ids = record["question"], record["inputs"]["venue_id"]
    keep, must = set(asked["keep"]), set(asked["must"])
    lists = ((keep, instance.keep), (must - keep, instance.must), (set(asked["never"]), instance.never))
    if (
        asked["goal"] != instance.goal
        or round(asked["limit_min"] * 100) != instance.limit
        or (asked["budget"] is None) != (instance.budget is None)
        or (instance.budget is not None and round(asked["budget"] * 100) != instance.budget)
        or any(names != {ids[place] for place in places.tolist()} for names, places in lists)
    ):
        raise ContractError(
            "The question in the file (goal, limit, budget, kept or forced venues) is not the one its inputs answer."
        )


def _check_counts(record: dict[str, Any], instance: Instance, opened: Ints) -> None:
    """Raise ContractError where the answer's counts of people do not follow from the inputs."""
    answer, scale = record["answer"], instance.scale
    free = np.setdiff1d(np.arange(instance.venue_count), instance.never)
    total = int(instance.weight.sum()) / scale
    counted = {
        name: int(instance.weight[covered(instance, venues)].sum()) / scale
        for name, venues in (
            ("people_reached", opened), ("people_reached_before", instance.keep), ("people_reachable", free)
        )
    }  # fmt: skip
    counted |= {"people_total": total, "reached_pct": 100 * counted["people_reached"] / total}
    for name, found in counted.items():
        if differs(answer[name], found):
            raise ContractError(
                f"The plan says {name} is {answer[name]:,.2f}, but its inputs give {found:,.2f}."
            )


def _check_claims(record: dict[str, Any], instance: Instance) -> None:
    """Raise ContractError where the gap, the word that it is proven or the summary does not follow from value and bound."""
    answer = record["answer"]
    value, bound = float(answer["value"]), float(answer["bound"])
    is_least = instance.goal in ("fewest", "mean_time", "worst_time")
    if not (bound <= value + 1e-9 if is_least else bound >= value - 1e-9):
        raise ContractError("The plan says that it is better than the bound it states.")
    gap = 0.0 if bound == value else 100 * abs(bound - value) / max(abs(bound), 1e-12)
    if differs(answer["gap_pct"], gap) or bool(answer["is_proven"]) != (bound == value):
        raise ContractError(
            "The plan's gap, or the word that it is proven, does not follow from its value and bound."
        )
    if not any(
        text in record["summary"]
        for text in _texts_of_value(instance, value, float(answer["people_reached"]))
    ):
        raise ContractError("The plan's summary does not state its own value.")


def _texts_of_value(instance: Instance, value: float, reached: float) -> tuple[str, ...]:
    if instance.goal == "fewest":
        return (f"{reached:,.0f}", "No new venue is needed")
    if instance.goal in ("mean_time", "worst_time"):
        return (f"{value:.2f}",)
    return (f"{value:,.0f}", f"{np.floor(value + 1e-9):,.0f}")


def _check_conditions(instance: Instance, chosen: Ints) -> None:
    if np.intersect1d(chosen, np.concatenate((instance.keep, instance.never))).size:
        raise ContractError("A chosen venue is one that is kept anyway or that was forced out.")
    if np.setdiff1d(instance.must, chosen).size:
        raise ContractError("A venue that was forced in is not in the plan.")
    model = replace(model_of(replace(instance, goal="cover", must=chosen[:0])), pick=instance.pick)
    usable = np.isin(chosen, model.venue)
    columns = np.searchsorted(model.venue, chosen[usable])
    money = (
        instance.cost is not None
        and instance.budget is not None
        and int(instance.cost[chosen].sum()) > instance.budget
    )
    if len(chosen) > instance.pick or money or not is_allowed_set(model, columns):
        raise ContractError("The chosen venues are too many, too dear, or too many in one group.")
    if not floors_held(model, columns).all():
        raise ContractError("The chosen venues do not reach the least share that was asked for.")


def _value(instance: Instance, chosen: Ints) -> float:
    """Count a plan's value again from the reach lists, in the goal's unit."""
    opened = np.union1d(instance.keep, chosen).astype(np.int64)
    if instance.goal == "fewest":
        reached = int(instance.weight[covered(instance, opened)].sum())
        if reached < instance.required:
            raise ContractError("The chosen venues do not reach the share that was asked for.")
        return float(len(chosen))
    if instance.goal == "worst_time":
        _, time = nearest(instance, opened)
        free = np.setdiff1d(np.arange(instance.venue_count), instance.never)
        is_counted = (instance.weight > 0) & covered(instance, free)
        if (time[is_counted] < 0).any():
            raise ContractError("Somebody who can be reached is not reached by the plan.")
        return float(time[is_counted].max()) / 100
    model = model_of(
        replace(instance, keep=opened, must=chosen[:0], never=np.setdiff1d(instance.never, opened))
    )
    value = model.base - model.penalty * (len(chosen) - len(instance.must))
    return mean_minutes(instance, value) if instance.goal == "mean_time" else value / instance.unit


def _bound_sentences(
    record: dict[str, Any], instance: Instance, certificate: Certificate, value: float
) -> list[str]:
    answer = record["answer"]
    if instance.goal == "fewest":
        return [_fewest_sentence(answer, instance, certificate)]
    if instance.goal == "worst_time":
        return [_worst_sentence(instance, certificate)]
    bound = bound_of(model_of(instance), certificate.prices)
    if bound != certificate.bound:
        raise ContractError(
            f"The prices give a bound of {bound:,}, but the plan states {certificate.bound:,}."
        )
    is_time = instance.goal == "mean_time"
    in_units = mean_minutes(instance, bound) if is_time else bound / instance.unit
    stated = answer["certified_bound"]
    if stated is None or differs(stated, in_units):
        raise ContractError(f"The prices prove a bound of {figure(in_units)}, but the plan states {stated}.")
    if (value < in_units - 1e-9) if is_time else (value > in_units + 1e-9):
        raise ContractError("The plan is worth more than its bound: the certificate is wrong.")
    sentences = [f"By the prices no plan can be {'below' if is_time else 'above'} {figure(in_units)}."]
    if answer["bound"] != stated:
        sentences.append(
            f"The closer bound of {figure(answer['bound'])} rests on the solver and is not checked here."
        )
    return sentences


def _fewest_sentence(answer: dict[str, Any], instance: Instance, certificate: Certificate) -> str:
    if certificate.pick < 0:
        return "The certificate proves no least number of venues; that rests on the solver."
    bound = bound_of(model_of(instance), certificate.prices, pick=certificate.pick)
    stated = answer["certified_bound"]
    if bound >= instance.required or stated != certificate.pick + 1 + len(instance.must):
        raise ContractError("The prices do not prove the least number of venues that the plan states.")
    rest = "" if stated == answer["bound"] else f" That {answer['bound']:.0f} are needed rests on the solver."
    few = certificate.pick + len(instance.must)
    return f"By the prices {few:,} venue{'s are' if few != 1 else ' is'} not enough.{rest}"


def _worst_sentence(instance: Instance, certificate: Certificate) -> str:
    if certificate.at is None:
        return "The certificate proves no least time; that rests on the solver."
    row = np.repeat(np.arange(len(instance.weight)), np.diff(instance.indptr))
    is_counted = np.zeros(len(instance.weight), dtype=np.int64)
    is_counted[row[~np.isin(instance.columns, instance.never) & (instance.weight[row] > 0)]] = 1
    bound = bound_of(model_of(instance, at=int(certificate.at), weight=is_counted), certificate.prices)
    if bound != certificate.bound:
        raise ContractError("The prices give another bound than the plan states.")
    if bound >= int(is_counted.sum()):
        return "The prices prove no least time; that rests on the solver."
    return f"By the prices no plan brings everybody within {certificate.at / 100:g} minutes."
