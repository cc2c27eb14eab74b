"""Needs type by rule: which kind of help an area asks for first, and the action that goes with it.

A rule and not a clustering, because the labels of a clustering change from one refresh to the next.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.index.spec import Spec

Array = npt.NDArray[Any]

NOT_ASSESSED = "not assessed"

# In an area of the worst fifth no single domain may reach the threshold although all are high together.
BROAD_SHARE = 0.2


@dataclass(frozen=True)
class Triage:
    """Hold `code` (N,) into `labels`, and `drivers` (M + 1, N): each domain, and last help that is too far."""

    code: Array
    labels: tuple[str, ...]
    drivers: Array


def triage(spec: Spec, domain_scores: Array, risk_share: Array, is_help_far: Array) -> Triage:
    """Return the needs type of every area.

    A domain drives need where its score (M, N) reaches the threshold; help is too far where the minutes say so. None:
    lower priority. One: that one. Two or more: multiple. `risk_share` (N,) is the rank over the number ranked: an
    area of the worst fifth that no single domain drives is multiple as well, because everything is high at once.
    Null scores drive nothing.
    """
    assert spec.needs is not None
    labels = type_labels(spec)
    drivers = np.vstack([domain_scores >= spec.needs.threshold, is_help_far[None, :]])
    count = drivers.sum(axis=0)
    multiple, lower = len(labels) - 2, len(labels) - 1
    code = np.where(count == 1, drivers.argmax(axis=0), np.where(count > 1, multiple, lower))
    code = np.where((count == 0) & (risk_share <= BROAD_SHARE), multiple, code)
    return Triage(code.astype(np.int8), labels, drivers)


def type_labels(spec: Spec) -> tuple[str, ...]:
    """Return the needs types: one a domain, help too far, multiple, lower priority."""
    assert spec.needs is not None
    own = tuple(domain.needs or f"{domain.label.lower()}-led" for domain in spec.domains.values())
    return (*own, spec.needs.help_label, spec.needs.multiple_label, spec.needs.lower_label)


def actions(spec: Spec, found: Triage, contributions: Array) -> list[str]:
    """Return the action for each area; of several drivers the one that contributes most comes first.

    `contributions` (M, N) orders the domains; help that is too far comes last, because a venue alone mends it. An
    area of the multiple type without a single driver gets the actions of its two largest contributions.
    """
    assert spec.needs is not None
    texts = [*(domain.action for domain in spec.domains.values()), spec.needs.help_action]
    domains = len(contributions)
    order = np.argsort(-contributions, axis=0, kind="stable")
    multiple = len(found.labels) - 2
    # Few combinations occur, so each text is joined once.
    held: dict[tuple[int, ...], str] = {(): spec.needs.lower_action}
    out = []
    for types, drivers, code in zip(
        order.T.tolist(), found.drivers.T.tolist(), found.code.tolist(), strict=True
    ):
        chosen: tuple[int, ...] = ()
        if any(drivers):
            chosen = tuple(d for d in (*types, domains) if drivers[d])
        elif code == multiple:
            chosen = tuple(types[:2])
        if chosen not in held:
            held[chosen] = " ".join(texts[d] for d in chosen)
        out.append(held[chosen])
    return out


def help_is_far(spec: Spec, table: Any) -> Array:
    """Return where in-person help is farther than the spec's minutes; False where the minutes are not known."""
    if spec.needs is None or spec.needs.help_column not in table:
        return np.zeros(len(table), dtype=bool)
    minutes = table[spec.needs.help_column].to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(minutes >= spec.needs.help_minutes)
