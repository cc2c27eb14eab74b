"""How sure is a rank: Monte Carlo over everything that was a choice or a sample, streamed.

Saisana, Saltelli & Tarantola 2005, doi 10.1111/j.1467-985X.2005.00350.x. Each draw is one plausible version of the
index. Ranks go into integer histograms, so memory does not grow with the draws, and each chunk of draws has its own
seed, so the outcome is the same whatever the number of workers. Intervals are of each area alone: they are no joint
statement about all ranks (Mogstad et al. treat that question).
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index import kernels
from exclusion.index.draws import DrawModel, Scratch
from exclusion.index.group_draws import GroupDraws

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult

Array = npt.NDArray[Any]
Progress = Callable[[int, int, float], None]

# A multiple of ten, so that the tenth, the fifth and the deciles are sums of whole bins. Half a bin is 0.1% of N.
BINS = 510
MOST_DRAWS = 65_535

# Words for the chance of being in the worst tenth, from the most to the least sure.
STABILITY = (
    (95.0, "firmly in the worst tenth"),
    (50.0, "probably in the worst tenth"),
    (5.0, "possibly in the worst tenth"),
    (0.0, "outside the worst tenth"),
)
SOLID_PCT = 95.0


@dataclass(frozen=True)
class Uncertainty:
    """Hold what the draws say.

    table: one row an area of the index, by `lsoa21cd`; null where it is not ranked. rollups: one table a level, by
    `group`, with low, median and high of ROLLUP_MEASURES and of the group's rank in each. draws: how many were done,
    fewer than asked for where it was cancelled. shift_pct and overlap_pct (draws,): mean rank shift from the nominal
    index in per cent of the areas, and the share of the nominal worst tenth kept, for each draw.
    """

    table: Any
    rollups: dict[str, Any]
    draws: int
    asked: int
    seed: int
    interval: float
    factors: tuple[str, ...]
    shift_pct: Array
    overlap_pct: Array

    def solid(self, areas: Any, *, column: str = "chance_worst_tenth_pct", noun: str = "areas") -> str:
        """Return how much of a list is solid, such as "58 of 100 areas are in the list in at least 95% of versions"."""
        chances = self.table.set_index("lsoa21cd").loc[list(areas), column]
        firm = int((chances >= SOLID_PCT).sum())
        return (
            f"{firm:,} of {len(chances):,} {noun} are in the list in at least {SOLID_PCT:.0f}% of {self.draws:,} "
            "plausible versions."
        )


class _Tally:
    """Count one worker's draws; adding tallies in any order gives the same numbers."""

    def __init__(self, model: DrawModel, councils: int) -> None:
        n = model.size
        self.histograms = {name: np.zeros((n, BINS), np.uint16) for name in ("risk", "exclusion")}
        self.in_council = np.zeros(n, np.uint16)
        self.same_type = np.zeros(n, np.uint16)
        self.council_counts = np.zeros(max(councils, 1), np.int32)
        self.scratch = Scratch(model)

    def add(self, other: "_Tally") -> None:
        for name in self.histograms:
            self.histograms[name] += other.histograms[name]
        self.in_council += other.in_council
        self.same_type += other.same_type


def run_uncertainty(
    result: "IndexResult",
    table: Any,
    *,
    draws: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    mode: Literal["full", "weights"] = "full",
    council: str = "lad_cd",
    council_list: int = 10,
    rollups: Mapping[str, str] | None = None,
    people: str = "residents",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Uncertainty:
    """Draw plausible versions of a built index and return what they agree on.

    `table` is the indicator table the index was built from; `council` a column of it, `council_list` the length n of
    each council's list. `rollups` maps names of levels to columns of `table`; `people` weighs them. `mode` `weights`
    draws domain weights alone. `progress` is called after each chunk with draws done, draws asked for and seconds
    left; where `cancel` is set the chunks that are done are returned. Draws and seed default to the spec's.

    `table` of the outcome: `lsoa21cd`, `<risk|exclusion>_rank_median`, `_low`, `_high` (the spec's interval),
    `chance_worst_tenth_pct, chance_worst_fifth_pct, chance_council_list_pct, modal_decile, modal_decile_share_pct,
    stability` (all of the exclusion rank), `risk_chance_worst_tenth_pct`, `needs_confidence_pct` (share of versions
    with the same needs type; null where the spec has none). The chance of a council's list is null where the council has no
    more areas than its list. InputError if no chunk was done.
    """
    declared = result.spec.uncertainty
    asked = declared.draws if draws is None else draws
    if not 1 <= asked <= MOST_DRAWS:
        raise InputError(f"Ask for 1 to {MOST_DRAWS:,} draws, not {asked:,}.")
    model = DrawModel(result, table, mode=mode)
    columns = dict(rollups or {})
    weights = (
        table[people].to_numpy(dtype=float, na_value=0.0)[model.areas] if columns else np.ones(model.size)
    )
    run = _Run(
        model=model,
        nominal=_among(result.table["exclusion_rank"].to_numpy(dtype=float, na_value=np.nan)[model.areas]),
        councils=group_codes_of(table, council, model),
        council_list=council_list,
        levels={
            name: GroupDraws(*group_codes_of(table, column, model), weights)
            for name, column in columns.items()
        },
        asked=asked,
        seed=declared.seed if seed is None else seed,
        progress=progress,
        cancel=cancel,
    )
    run.all_chunks(workers)
    total, done = run.total(), run.done
    finished = np.isfinite(run.shift)
    return Uncertainty(
        table=_table(result, model, total, done, is_choice=_is_choice(*run.councils, council_list)),
        rollups={
            name: run.levels[name].table(_groups(table, column), done, declared.interval)
            for name, column in columns.items()
        },
        draws=done,
        asked=asked,
        seed=run.seed,
        interval=declared.interval,
        factors=model.active_now,
        shift_pct=100.0 * run.shift[finished] / model.size,
        overlap_pct=100.0 * run.overlap[finished],
    )


class _Run:
    """Hold one run: what the chunks share, and the tallies of the workers."""

    def __init__(
        self,
        *,
        model: DrawModel,
        nominal: Array,
        councils: tuple[Array, int],
        council_list: int,
        levels: dict[str, GroupDraws],
        asked: int,
        seed: int,
        progress: Progress | None,
        cancel: threading.Event | None,
    ) -> None:
        self.model, self.nominal, self.asked, self.seed = model, nominal, asked, seed
        self.councils, self.council_list, self.levels = councils, council_list, levels
        self.progress, self.cancel = progress, cancel
        size = model.spec.uncertainty.chunk
        self.sizes = [min(size, asked - at) for at in range(0, asked, size)]
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(int)
        self.seeds = np.random.SeedSequence(seed).spawn(len(self.sizes))
        self.shift, self.overlap = np.full(asked, np.nan), np.full(asked, np.nan)
        self.bins = bin_of_rank(model.size)
        self.done = 0
        self._lock, self._begun = threading.Lock(), time.monotonic()
        self._is_abandoned = threading.Event()
        self._tallies: list[_Tally] = []
        self._idle: list[_Tally] = []

    def all_chunks(self, workers: int) -> None:
        """Work through the chunks in one or more threads; the compiled loops release the interpreter's lock."""
        if workers == 1:
            for c in range(len(self.sizes)):
                self._chunk(c)
            return
        pool = ThreadPoolExecutor(max_workers=workers)
        try:
            for waiting in [pool.submit(self._chunk, c) for c in range(len(self.sizes))]:
                waiting.result()
        finally:
            # After a fault or Ctrl-C the workers give up at their next draw, and nothing of them is used.
            self._is_abandoned.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def total(self) -> _Tally:
        """Return the sum of all tallies; InputError if no chunk was done."""
        if not self.done:
            raise InputError("The draws were cancelled before the first chunk was done; run them again.")
        first, *rest = self._tallies
        for tally in rest:
            first.add(tally)
        return first

    def _chunk(self, c: int) -> None:
        if self._is_abandoned.is_set() or (self.cancel is not None and self.cancel.is_set()):
            return
        try:
            self._draw(c)
        except BaseException:
            # Told by the worker itself: by the time that the waiting thread hears of it, others would have begun more.
            self._is_abandoned.set()
            raise

    def _draw(self, c: int) -> None:
        tally = self._take()
        model, scratch = self.model, tally.scratch
        risk, exclusion = (np.empty((self.sizes[c], model.size), np.uint16) for _ in range(2))
        groups = {name: level.cells(self.sizes[c]) for name, level in self.levels.items()}
        rng = np.random.Generator(np.random.SFC64(self.seeds[c]))
        for j in range(self.sizes[c]):
            if self._is_abandoned.is_set():
                return
            model.version(_random_factors(model, rng), scratch)
            risk[j], exclusion[j] = scratch.risk_rank, scratch.exclusion_rank
            self._count(tally, self.starts[c] + j)
            for name, level in self.levels.items():
                level.place(scratch.exclusion_rank, 0.1 * model.size, groups[name][j])
        kernels.add_ranks(risk, self.bins, tally.histograms["risk"])
        kernels.add_ranks(exclusion, self.bins, tally.histograms["exclusion"])
        self._give_back(tally, self.sizes[c], groups)

    def _count(self, tally: _Tally, draw: int) -> None:
        """Count lists, needs types and the distance from the nominal ranks of the last version."""
        model, scratch = self.model, tally.scratch
        codes, count = self.councils
        tenth = 0.1 * model.size
        if count:
            kernels.take_worst(
                scratch.order, codes, self.council_list, tally.council_counts, tally.in_council
            )
        if np.isfinite(model.least_rank):
            kernels.count_types(
                scratch.domain_ranks, model.least_rank, model.is_far, scratch.risk_rank, model.broad_rank,
                model.nominal_type, tally.same_type,
            )  # fmt: skip
        shift, overlap = kernels.shift_and_overlap(scratch.exclusion_rank, self.nominal, tenth)
        self.shift[draw], self.overlap[draw] = shift, overlap

    def _take(self) -> _Tally:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._tallies.append(_Tally(self.model, self.councils[1]))
            return self._tallies[-1]

    def _give_back(self, tally: _Tally, draws: int, groups: dict[str, Array]) -> None:
        with self._lock:
            if self._is_abandoned.is_set():
                return
            for name, cells in groups.items():
                self.levels[name].add(cells)
            self._idle.append(tally)
            self.done += draws
            if self.progress is not None:
                left = (time.monotonic() - self._begun) / self.done * (self.asked - self.done)
                try:
                    self.progress(self.done, self.asked, left)
                except BaseException:
                    self._is_abandoned.set()  # before the lock is let go, so that nobody is told of more
                    raise


def _random_factors(model: DrawModel, rng: np.random.Generator) -> Any:
    active = model.active_now
    u = {name: float(rng.random()) for name in active if name not in _BY_GENERATOR}
    return model.factors(u, {name: rng for name in active if name in _BY_GENERATOR})


_BY_GENERATOR = frozenset({"weights", "sampling_error", "imputation"})


def group_codes_of(table: Any, column: str, model: DrawModel) -> tuple[Array, int]:
    """Return 0-based codes of a column for the ranked areas, -1 where it is null, and how many there are.

    The codes number the sorted values of the whole column; where `table` has no such column there are none.
    """
    import pandas as pd

    if column not in table:
        return np.full(model.size, -1, np.int32), 0
    codes, names = pd.factorize(table[column], sort=True)
    return codes[model.areas].astype(np.int32), len(names)


def _groups(table: Any, column: str) -> Any:
    return sorted(table[column].dropna().unique())


def _among(ranks: Array) -> Array:
    """Return ranks among the areas of the model, for a build that was ranked against other areas."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(ranks, method="min"), np.uint16)


def bin_of_rank(size: int) -> Array:
    """Return the bin of every rank 0 to N: bin b holds the ranks above b N / BINS up to (b + 1) N / BINS."""
    ranks = np.arange(size + 1, dtype=np.int64)
    return np.maximum((ranks * BINS - 1) // size, 0).astype(np.uint16)


def interval_ends(histogram: Array, shares: tuple[float, ...], draws: int, size: int) -> Array:
    """Return the ranks (len(shares), N) below which each share of the draws lies: the middle of the bin it falls in."""
    first = np.floor(np.arange(BINS) * size / BINS) + 1.0
    last = np.maximum(np.floor((np.arange(BINS) + 1) * size / BINS), first)
    middle = 0.5 * (first + last)
    wanted = [max(int(np.ceil(share * draws - 1e-9)), 1) for share in shares]
    out = np.empty((len(shares), len(histogram)))
    for at in range(0, len(histogram), 4096):
        running = np.cumsum(histogram[at : at + 4096], axis=1, dtype=np.int32)
        for row, least in zip(out, wanted, strict=True):
            row[at : at + 4096] = middle[(running < least).sum(axis=1)]
    return out


def _is_choice(codes: Array, councils: int, council_list: int) -> Array:
    """Return whether each area's council (codes (N,), below 0 for none) has more areas than its list has places.

    A list of ten holds all six areas of a council of six in every version, which says nothing of them.
    """
    sizes = np.bincount(codes[codes >= 0], minlength=max(councils, 1))
    return np.asarray((codes >= 0) & (sizes[codes] > council_list))


def _around(own: Array, low: Array, high: Array, *, half_bin: float) -> tuple[Array, Array]:
    """Return the ends of intervals (N,) such that a rank (N,) in the bin of an end lies inside.

    Ends are middles of bins, so that the first of many areas would seem to be surely the thirty-fifth. Where the draws
    cannot tell a rank from the end, the end is put at it: it moves by half a bin at most.
    """
    return (
        np.where((own < low) & (own >= low - half_bin), np.floor(own), low),
        np.where((own > high) & (own <= high + half_bin), np.ceil(own), high),
    )


def _table(result: "IndexResult", model: DrawModel, tally: _Tally, draws: int, *, is_choice: Array) -> Any:
    import pandas as pd

    count = len(result.table)

    def spread(values: Array) -> Array:
        out = np.full(count, np.nan)
        out[model.areas] = values
        return out

    columns: dict[str, Any] = {"lsoa21cd": result.table["lsoa21cd"].to_numpy()}
    tail = (1.0 - result.spec.uncertainty.interval) / 2.0
    for name in ("exclusion", "risk"):
        found = interval_ends(tally.histograms[name], (0.5, tail, 1.0 - tail), draws, model.size)
        middle, *ends = (spread(values) for values in found)
        own = result.table[f"{name}_rank"].to_numpy(dtype=float, na_value=np.nan)
        low, high = _around(own, *ends, half_bin=0.5 * model.size / BINS)
        for what, values in (("median", middle), ("low", low), ("high", high)):
            columns[f"{name}_rank_{what}"] = pd.array(np.round(values), dtype="Int64")
    deciles = {
        name: held.reshape(model.size, 10, BINS // 10).sum(axis=2, dtype=np.int32)
        for name, held in tally.histograms.items()
    }
    chance = spread(100.0 * deciles["exclusion"][:, 0] / draws)
    columns["chance_worst_tenth_pct"] = chance
    columns["chance_worst_fifth_pct"] = spread(100.0 * deciles["exclusion"][:, :2].sum(axis=1) / draws)
    columns["risk_chance_worst_tenth_pct"] = spread(100.0 * deciles["risk"][:, 0] / draws)
    columns["chance_council_list_pct"] = spread(np.where(is_choice, 100.0 * tally.in_council / draws, np.nan))
    columns["modal_decile"] = pd.array(spread(deciles["exclusion"].argmax(axis=1) + 1.0), dtype="Int64")
    columns["modal_decile_share_pct"] = spread(100.0 * deciles["exclusion"].max(axis=1) / draws)
    is_typed = np.isfinite(model.least_rank)
    columns["needs_confidence_pct"] = (
        spread(100.0 * tally.same_type / draws) if is_typed else np.full(count, np.nan)
    )
    words = np.full(count, None, dtype=object)
    for least, word in reversed(STABILITY):
        words[chance >= least] = word
    columns["stability"] = words
    return pd.DataFrame(columns)
