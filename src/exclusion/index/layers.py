"""The arrays between the steps of a build, indicator-major."""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from exclusion.index.missing import Cells
from exclusion.index.rural import RuralTerm

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layers:
    """Hold the arrays between the steps of a build: K indicators, M domains, N areas.

    oriented: values after shrinkage and ladder, higher is more excluded, null where neutral (K, N). shrunk: the same
    in natural units. scores: indicator scores (K, N). typical: scores of the typical area (K,). domain_sums and
    domain_scores (M, N). observed: share of the index weight that is observed (N,). logit and logit_sd: posterior of
    each rate where sampling error is declared, else null (K, N); a ready-made value keeps its own scale. is_help_far: in-person help is beyond the spec's
    minutes (N,).
    """

    cells: tuple[Cells, ...]
    oriented: Array
    shrunk: Array
    scores: Array
    typical: Array
    domain_sums: Array
    domain_scores: Array
    domain_observed: Array
    observed: Array
    risk: Array
    exclusion: Array
    is_ranked: Array
    posterior: Array
    posterior_sd: Array
    rural: RuralTerm
    is_help_far: Array
