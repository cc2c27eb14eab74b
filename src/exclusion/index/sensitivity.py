"""What drives the ranks: first-order and total effects of every uncertain choice, overall and for each area.

Sobol' indices by Saltelli's design, N (d + 2) versions; totals by Jansen's estimator (Saltelli et al. 2010,
doi 10.1016/j.cpc.2009.09.018). SALib samples and estimates; what is per area is streamed here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index import kernels
from exclusion.index.draws import DrawModel, Scratch, drawable_mode
from exclusion.index.uncertainty import group_codes_of

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult

Array = npt.NDArray[Any]

TARGETS = ("mean_rank_shift_pct", "worst_tenth_overlap_pct", "council_list_overlap_pct")

_BY_SEED = frozenset({"sampling_error", "imputation"})
_LEAST_BASE, _USUAL_BASE = 64, 512
MOST_BASE = 8192
_TIMED_VERSIONS = 8

# Work is counted in areas x versions, so that the same data give the same design on every machine.
_MOST_WORK = 60_000_000
# A factor whose effect on an area is at least this share of the largest one is named beside it.
_NEARLY_AS_LARGE = 0.8
_WEIGHT = "weight_"

IN_WORDS = {
    "normalisation": "how scores are scaled",
    "aggregation": "how domains are combined",
    "sampling_error": "chance in small counts",
    "imputation": "figures that are not published here",
    "rural_lambda": "how much remoteness counts",
    "leave_one_out": "which single indicator is left out",
}


@dataclass(frozen=True)
class Sensitivity:
    """Hold effects. overall: `target, factor, first, first_conf, total, total_conf`, one row a target and factor.

    areas: by `lsoa21cd`, `<factor>_total` (share of the variance of the area's exclusion rank), `main_factor` and
    `sentence`; null where the area is not ranked, and 0 where its rank never moves. words: what each factor is called.
    without: one row an indicator, `id, label, weight_pct` (of the whole index), `mean_rank_shift_pct` (of the areas)
    and `worst_tenth_overlap_pct` of the index without it and all else as stated; empty where no indicator can be left
    out. base and versions: N, N (d + 2).
    """

    overall: Any
    without: Any
    areas: Any
    words: dict[str, str]
    base: int
    versions: int


def sobol_effects(
    function: Callable[[Array], Array],
    names: Sequence[str],
    *,
    base: int,
    seed: int,
    targets: Sequence[str] = ("y",),
) -> Any:
    """Return first-order and total effects of d uniform factors on the outputs of a function.

    `function` takes one row u (d,) of numbers in 0 to 1 and returns the outputs (T,). `base` is N, a power of two.
    Columns: `target, factor, first, first_conf, total, total_conf` (95% bootstrap). An output that never varies has
    effects of 0.
    """
    rows = saltelli_rows(len(names), base, seed)
    outputs = np.array([np.atleast_1d(function(row)) for row in rows])
    return _effects(outputs, names, targets, seed)


def saltelli_rows(factors: int, base: int, seed: int) -> Array:
    """Return Saltelli's rows (N (d + 2), d): for each of N points A, then A with one column of B each, then B."""
    from SALib.sample import sobol as sampler

    if base & (base - 1) or base < 2:
        raise InputError(f"Sobol' sequences need a base that is a power of two, not {base}.")
    return np.asarray(sampler.sample(_problem(factors), base, calc_second_order=False, seed=seed))


def _problem(factors: int) -> dict[str, Any]:
    return {"num_vars": factors, "names": [f"x{i}" for i in range(factors)], "bounds": [[0.0, 1.0]] * factors}


def _effects(outputs: Array, names: Sequence[str], targets: Sequence[str], seed: int) -> Any:
    import pandas as pd
    from SALib.analyze import sobol as analyser

    out = []
    for t, target in enumerate(targets):
        y = outputs[:, t]
        if np.ptp(y) == 0:
            found = {key: np.zeros(len(names)) for key in ("S1", "S1_conf", "ST", "ST_conf")}
        else:
            found = analyser.analyze(_problem(len(names)), y, calc_second_order=False, seed=seed)
        out.append(
            pd.DataFrame(
                {
                    "target": target,
                    "factor": list(names),
                    "first": found["S1"],
                    "first_conf": found["S1_conf"],
                    "total": found["ST"],
                    "total_conf": found["ST_conf"],
                }
            )
        )
    return pd.concat(out, ignore_index=True)


def run_sensitivity(
    result: "IndexResult",
    table: Any,
    *,
    base: int | None = None,
    seed: int | None = None,
    council: str = "lad_cd",
    council_list: int = 10,
    progress: Callable[[int, int, float], None] | None = None,
) -> Sensitivity:
    """Return the effects of every factor that the spec declares uncertain.

    Targets: the mean rank shift, the overlap with the nominal worst tenth, and the overlap with the councils' lists
    of `council_list` areas. The weight of each domain, with those inside it, is a factor of its own. `base` is N; left
    out, it is `affordable_base` of the areas and factors. InputError where fewer than two factors vary.
    """
    model = DrawModel(result, table, mode=drawable_mode(result.spec)[0])
    words = _varying(model)
    names = tuple(words)
    root = result.spec.uncertainty.seed if seed is None else seed
    scratch = Scratch(model)
    base = base or affordable_base(model.size, len(names))
    rows = saltelli_rows(len(names), base, root)
    codes, lists = group_codes_of(table, council, model)
    model.version(model.nominal_factors(), scratch)
    nominal = scratch.exclusion_rank.copy()
    nominal_list = _list_of(scratch, codes, lists, council_list)
    outputs = np.empty((len(rows), len(TARGETS)))
    effects = _AreaEffects(model.size, len(names))
    begun = time.monotonic()
    for j, row in enumerate(rows):
        _version(model, names, row, root, scratch)
        shift, overlap = kernels.shift_and_overlap(scratch.exclusion_rank, nominal, 0.1 * model.size)
        kept = _list_of(scratch, codes, lists, council_list) & nominal_list
        outputs[j] = (
            100.0 * shift / model.size,
            100.0 * overlap,
            100.0 * float(kept.sum()) / max(int(nominal_list.sum()), 1),
        )
        effects.add(j % (len(names) + 2), scratch.exclusion_rank)
        if progress is not None and (j + 1) % (len(names) + 2) == 0:
            progress(j + 1, len(rows), (time.monotonic() - begun) / (j + 1) * (len(rows) - j - 1))
    without, movers = _without_each(model, nominal, scratch, is_possible="leave_one_out" in names)
    return Sensitivity(
        overall=_effects(outputs, names, TARGETS, root),
        without=without,
        areas=_area_table(result, model, words, effects.totals(), movers),
        words=words,
        base=base,
        versions=len(rows),
    )


def affordable_base(areas: int, factors: int) -> int:
    """Return the largest power of two N whose N (d + 2) versions of all areas stay within the budget of work.

    The budget is 60 million areas x versions, some 15 seconds; N is 64 at least and 512 at most.
    """
    fits = _MOST_WORK / (areas * (factors + 2))
    return min(_power_of_two(fits), _USUAL_BASE)


@dataclass(frozen=True)
class Budget:
    """Hold what a time budget allows on this machine: `base` N, `versions` N (d + 2), and the seconds they take."""

    base: int
    versions: int
    seconds: float


def budget_within(result: "IndexResult", table: Any, seconds: float) -> Budget:
    """Return the largest base, 64 to 8,192, whose versions fit into some seconds, by timing a few of them here.

    The answer is to be declared (`run_sensitivity(base=...)`), so that no outcome depends on a clock. InputError where
    fewer than two factors vary.
    """
    model = DrawModel(result, table, mode=drawable_mode(result.spec)[0])
    names = _varying(model)
    scratch, root = Scratch(model), result.spec.uncertainty.seed
    rows = saltelli_rows(len(names), 2, root)[:_TIMED_VERSIONS]
    _version(model, tuple(names), rows[0], root, scratch)  # compiles what is not compiled yet
    begun = time.monotonic()
    for row in rows:
        _version(model, tuple(names), row, root, scratch)
    each = (time.monotonic() - begun) / len(rows)
    base = min(_power_of_two(seconds / each / (len(names) + 2)), MOST_BASE)
    versions = base * (len(names) + 2)
    return Budget(base, versions, versions * each)


def _power_of_two(most: float) -> int:
    """Return the largest power of two that is not above `most`, 64 at least."""
    return max(int(2 ** int(np.log2(max(most, 1.0)))), _LEAST_BASE)


def _varying(model: DrawModel) -> dict[str, str]:
    """Return the factors as `_named_factors` does; InputError where there are fewer than two."""
    words = _named_factors(model)
    if len(words) < 2:
        raise InputError(
            "Sensitivity needs two or more uncertain factors, and this spec declares "
            f"{len(words)}; extend its [uncertainty]."
        )
    return words


def _named_factors(model: DrawModel) -> dict[str, str]:
    """Return the factors that vary and what they are called; the weights are one factor a domain."""
    found: dict[str, str] = {}
    for name in model.active_now:
        if name == "weights":
            for key, domain in model.spec.domains.items():
                found[_WEIGHT + key] = f"the weight of {domain.label.lower()}"
        else:
            found[name] = IN_WORDS[name]
    return found


def _version(model: DrawModel, names: Sequence[str], row: Array, seed: int, scratch: Scratch) -> None:
    """Work out the version at a point: factors that are whole vectors are driven by a seed made of their column."""
    u: dict[str, float] = {}
    rng: dict[str, np.random.Generator] = {}
    positions, inner = [], []
    for at, (name, value) in enumerate(zip(names, row, strict=True)):
        if name.startswith(_WEIGHT):
            positions.append(float(value))
            inner.append(_generator(seed, at, value))
        elif name in _BY_SEED:
            rng[name] = _generator(seed, at, value)
        else:
            u[name] = float(value)
    weights = model.stated.at(np.array(positions), inner) if positions else None
    model.version(model.factors(u, rng, weights), scratch)


def _generator(seed: int, column: int, value: float) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, column, int(value * 2**53)]))


class _AreaEffects:
    """Stream Jansen's totals of every area: sums of ranks and of squared differences, d x N numbers."""

    def __init__(self, size: int, factors: int) -> None:
        self._first = np.zeros(size)
        self._sum, self._square = np.zeros(size), np.zeros(size)
        self._gaps = np.zeros((factors, size))
        self._points = 0

    def add(self, position: int, ranks: Array) -> None:
        """Add the version at a position of its block: 0 is A, 1 to d are A with a column of B, d + 1 is B."""
        now = ranks.astype(float)
        if position == 0:
            self._first = now
            self._points += 1
        if position in {0, len(self._gaps) + 1}:
            self._sum += now
            self._square += now * now
        else:
            self._gaps[position - 1] += (self._first - now) ** 2

    def totals(self) -> Array:
        """Return the total effects (d, N); 0 where an area's rank never moves."""
        count = 2 * self._points
        variance = self._square / count - (self._sum / count) ** 2
        jansen = self._gaps / (2 * self._points)
        return np.where(variance > 0, jansen / np.where(variance > 0, variance, 1.0), 0.0)


def _list_of(scratch: Scratch, codes: Array, lists: int, size: int) -> Array:
    hits = np.zeros(len(codes), np.uint16)
    kernels.take_worst(scratch.order, codes, size, np.zeros(max(lists, 1), np.int32), hits)
    return hits > 0


def _without_each(
    model: DrawModel, nominal: Array, scratch: Scratch, *, is_possible: bool
) -> tuple[Any, Array | None]:
    """Return what leaving out each indicator does, as `Sensitivity.without`, and which of them moves each area most.

    The second (N,) is the position of that indicator, -1 where none moves the area; None where none can be left out.
    """
    import pandas as pd

    count = len(model.inner) if is_possible else 0
    most, found = np.zeros(model.size), np.full(model.size, -1)
    rows = []
    for k in range(count):
        model.version(model.factors({"leave_one_out": (k + 1.5) / (count + 1)}, {}), scratch)
        moved = np.abs(scratch.exclusion_rank.astype(float) - nominal)
        found = np.where(moved > most, k, found)
        most = np.maximum(moved, most)
        shift, overlap = kernels.shift_and_overlap(scratch.exclusion_rank, nominal, 0.1 * model.size)
        weight = model.inner[k] * model.domain_weights[model.domain_of[k]]
        indicator = model.spec.indicators[k]
        rows.append(
            (indicator.id, indicator.label, 100.0 * weight, 100.0 * shift / model.size, 100.0 * overlap)
        )
    columns = ["id", "label", "weight_pct", "mean_rank_shift_pct", "worst_tenth_overlap_pct"]
    return pd.DataFrame(rows, columns=columns), found if is_possible else None


def _area_table(
    result: "IndexResult",
    model: DrawModel,
    words: dict[str, str],
    totals: Array,
    movers: Array | None,
) -> Any:
    import pandas as pd

    names = list(words)
    out = pd.DataFrame({"lsoa21cd": result.table["lsoa21cd"].to_numpy()})
    for name, row in zip(names, totals, strict=True):
        held = np.full(len(out), np.nan)
        held[model.areas] = row
        out[f"{name}_total"] = held
    main = np.full(len(out), None, dtype=object)
    sentences = np.full(len(out), "", dtype=object)
    order = np.argsort(-totals, axis=0, kind="stable")
    for at, (area, first) in enumerate(zip(model.areas, order[0], strict=True)):
        top = totals[first, at]
        if top == 0:
            sentences[area] = "This rank is the same in every version."
            continue
        main[area] = names[first]
        second = order[1, at]
        also = f" and {words[names[second]]}" if totals[second, at] >= _NEARLY_AS_LARGE * top else ""
        sentences[area] = f"This rank hangs mostly on {words[names[first]]}{also}."
        if movers is not None and names[first] == "leave_one_out" and movers[at] >= 0:
            label = result.spec.indicators[movers[at]].label.lower()
            sentences[area] += f" It moves furthest without {label}."
    out["main_factor"] = main
    out["sentence"] = sentences
    return out
