"""One plausible version of an index: everything that was a choice or a sample, drawn once.

`DrawModel` holds what a draw needs as compact arrays; `Factors` are the values of the uncertain factors in one draw;
`DrawModel.version` turns factors into ranks. Monte Carlo and sensitivity analysis both go through it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index import kernels
from exclusion.index.missing import group_codes
from exclusion.index.needs import BROAD_SHARE, type_labels
from exclusion.index.transforms import exponential_score, normal_score
from exclusion.index.weight_draws import StatedWeights

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult
    from exclusion.index.spec import Spec

Array = npt.NDArray[Any]

FACTORS = (
    "weights",
    "normalisation",
    "aggregation",
    "sampling_error",
    "imputation",
    "rural_lambda",
    "leave_one_out",
)

MOST_AREAS = 65_535
_GRID = 4096
_CODES = {"exponential": kernels.EXPONENTIAL, "normal": kernels.NORMAL, "minmax": kernels.MINMAX}
_SD_REACH = 4.5


def drawable_mode(spec: "Spec") -> tuple[Literal["full", "weights"], str]:
    """Return how an index of this spec can be drawn, and why only its domain weights where not everything can."""
    index = spec.index
    if index.aggregation not in {"arithmetic", "power"}:
        return "weights", f"the domains are combined by a {index.aggregation} mean"
    if index.score not in _CODES or index.offset:
        return "weights", f"domain scores are of the kind {index.score}" + (
            " with an offset" if index.offset else ""
        )
    return "full", ""


@dataclass(frozen=True)
class Factors:
    """Hold one setting of everything uncertain.

    `domain_weights` (M,), `inner_weights` (K,) with 0 for an indicator left out, `normalisation` a code of the
    kernels, `power` 1 for the arithmetic mean, `lambda_`; `noise` (S, N) standard normal and `picks` (C,) uniform, or
    None where the factor is not drawn.
    """

    domain_weights: Array
    inner_weights: Array
    normalisation: int
    power: float
    lambda_: float
    noise: Array | None
    picks: Array | None


class Scratch:
    """Hold the working arrays of one worker, and the outcome of its last version.

    `risk_rank` and `exclusion_rank` (N,) are whole ranks; `order` runs from the least to the most excluded.
    """

    def __init__(self, model: "DrawModel") -> None:
        n, count, domains = model.size, len(model.base), len(model.domain_weights)
        self.scores = np.empty((count, n), np.float32)
        self.sums = np.empty((domains, n), np.float32)
        self.domain_ranks = np.empty((domains, n), np.float32)
        self.values = np.empty((domains, n), np.float32)
        self.risk, self.exclusion = np.empty(n, np.float32), np.empty(n, np.float32)
        self.risk_rank, self.exclusion_rank = np.empty(n, np.uint16), np.empty(n, np.uint16)
        self.order, self.spare_order = np.empty(n, np.int32), np.empty(n, np.int32)
        self.keys, self.spare_keys = np.empty(n, np.uint32), np.empty(n, np.uint32)
        self.up = np.empty(n, np.float32)

    @property
    def sorting(self) -> tuple[Array, Array, Array, Array]:
        """Return the arrays that a sort works in."""
        return self.order, self.keys, self.spare_order, self.spare_keys


class DrawModel:
    """Hold the ranked areas of a build as compact arrays, ready for draws.

    `areas` are the positions of the ranked areas in the index table, `size` their number. `mode` is `full`, or
    `weights` for domain weights alone on the domain scores as built. InputError where the index cannot be drawn:
    more than 65,535 areas, or in full mode a mean or scores that draws do not know.
    """

    def __init__(self, result: "IndexResult", table: Any, *, mode: str = "full") -> None:
        spec, layers = result.spec, result.layers
        self.spec, self.mode = spec, mode
        self.areas = np.flatnonzero(layers.is_ranked)
        self.size = len(self.areas)
        if not 2 <= self.size <= MOST_AREAS:
            raise InputError(
                f"Ranks can be drawn for 2 to {MOST_AREAS:,} ranked areas, and this index ranks {self.size:,}; choose a "
                "place, sources or a spec that rank more."
                if self.size < 2
                else f"Ranks can be drawn for up to {MOST_AREAS:,} areas, and this index ranks {self.size:,}; choose fewer places."
            )
        possible, why = drawable_mode(spec)
        if mode == "full" and possible != "full":
            raise InputError(
                f"Only the weights of this index can be drawn, because {why}; draw weights only."
            )
        total = sum(d.weight for d in spec.domains.values())
        self.domain_weights = np.array([d.weight for d in spec.domains.values()]) / total
        self.inner = np.array([result.meta["inner_weights"][i.id] for i in spec.indicators])
        self.domain_of = np.array([spec.domain_ids.index(i.domain) for i in spec.indicators], np.int32)
        self.stated = StatedWeights(
            self.domain_weights, self.inner, self.domain_of, spec.uncertainty.weights.concentration
        )
        self.members = np.arange(len(spec.indicators), dtype=np.int32)
        self.base = layers.scores[:, self.areas].astype(np.float32)
        self.fixed, self.is_transformed = _additive(spec, layers.domain_scores[:, self.areas])
        self.remoteness = layers.rural.remoteness[self.areas]
        self.has_rural = layers.rural.measure is not None
        self.nominal_normalisation = _CODES.get(spec.index.score, kernels.EXPONENTIAL)
        self.sorted_risk = np.sort(layers.risk[self.areas]).astype(np.float32)
        self.nominal_power = spec.index.power if spec.index.aggregation == "power" else 1.0
        self._errors(result)
        self._imputations(result, table)
        rank = np.arange(1, self.size + 1)
        normal = normal_score((rank - 0.5) / self.size)
        normal = 100.0 * (normal - normal[0]) / (normal[-1] - normal[0])
        self.tables = np.vstack([exponential_score(rank / self.size), normal]).astype(np.float32)
        self._needs(result)
        self.active_now = self.active()

    def _errors(self, result: "IndexResult") -> None:
        """Make the posterior of every rate, and its score by even steps on the scale of the draw."""
        spec, layers = result.spec, result.layers
        count = len(spec.indicators)
        self.posterior = np.zeros((2, count, self.size), np.float32)
        self.source = np.full(count, -1, np.int32)
        self.steps = np.zeros((2, count), np.float32)
        self.lookup = np.zeros((count, _GRID), np.float32)
        names: list[str] = []
        for k, indicator in enumerate(spec.indicators):
            mean, sd = layers.posterior[k, self.areas], layers.posterior_sd[k, self.areas]
            use = np.isfinite(mean) & np.isfinite(sd) & (sd > 0) & layers.cells[k].is_present[self.areas]
            if not spec.uncertainty.sampling_error or not use.any():
                continue
            if indicator.source.id not in names:
                names.append(indicator.source.id)
            self.source[k] = names.index(indicator.source.id)
            self.posterior[:, k] = np.where(use, mean, 0.0), np.where(use, sd, 0.0)
            reach = _SD_REACH * sd[use]
            grid = np.linspace((mean[use] - reach).min(), (mean[use] + reach).max(), _GRID)
            self.steps[:, k] = grid[0], (_GRID - 1) / (grid[-1] - grid[0])
            natural = grid if indicator.column else indicator.multiplier / (1.0 + np.exp(-grid))
            curve = result.reference.indicators[indicator.id]
            self.lookup[k] = curve(natural if indicator.direction == "+" else -natural)
        self.sources = len(names)

    def _imputations(self, result: "IndexResult", table: Any) -> None:
        """List the imputed cells with the residuals of their donors: how far observed cells are from the same fill."""
        spec, layers = result.spec, result.layers
        rows, areas, base, start, size, pools = [], [], [], [], [], [np.zeros(1)]
        held = 1
        for k, indicator in enumerate(spec.indicators):
            cells = layers.cells[k]
            if not spec.uncertainty.imputation or cells.is_present.all() or not cells.is_present.any():
                continue
            curve = result.reference.indicators[indicator.id]
            sign = 1.0 if indicator.direction == "+" else -1.0
            observed = layers.scores[k, cells.is_present]
            rungs = np.array(
                [str(word).partition(" (")[0] for word in cells.status[self.areas]], dtype=object
            )
            for rung in sorted({str(r) for r in rungs[~cells.is_present[self.areas]]}):
                kind, _, columns = rung.partition(":")
                if kind == "neutral":
                    fill = np.full(observed.shape, curve.neutral)
                else:
                    codes = group_codes(table, tuple(columns.split("+")))[cells.is_present]
                    means = np.bincount(codes[codes >= 0], weights=observed[codes >= 0])
                    counts = np.bincount(codes[codes >= 0])
                    # A donor must not be compared with a mean that it makes alone.
                    fill = np.where(
                        (codes >= 0) & (counts[codes] > 1), (means / np.maximum(counts, 1))[codes], np.nan
                    )
                residuals = (observed - fill)[np.isfinite(fill)]
                if not len(residuals):
                    residuals = observed - curve.neutral
                at = np.flatnonzero((rungs == rung) & ~cells.is_present[self.areas])
                centre = curve(sign * layers.shrunk[k, self.areas[at]])
                rows.append(np.full(len(at), k))
                areas.append(at)
                base.append(np.where(np.isfinite(centre), centre, curve.neutral))
                start.append(np.full(len(at), held))
                size.append(np.full(len(at), len(residuals)))
                pools.append(residuals)
                held += len(residuals)
        none = [np.zeros(0)]
        self.cell_row = np.concatenate(rows or none).astype(np.int32)
        self.cell_area = np.concatenate(areas or none).astype(np.int32)
        self.cell_base = np.concatenate(base or none).astype(np.float32)
        self.pool_start = np.concatenate(start or none).astype(np.int64)
        self.pool_size = np.concatenate(size or none).astype(np.int64)
        self.pool = np.concatenate(pools).astype(np.float32)

    def _needs(self, result: "IndexResult") -> None:
        """Make what the needs type of a draw takes: the least domain rank that drives, and the nominal type."""
        spec = self.spec
        self.least_rank = np.inf
        self.nominal_type = np.full(self.size, -1, np.int8)
        self.is_far = np.zeros(self.size, np.bool_)
        if spec.needs is None or spec.index.score != "exponential" or self.mode != "full":
            return
        self.least_rank = float(np.searchsorted(self.tables[0], spec.needs.threshold) + 1)
        names = {label: code for code, label in enumerate(type_labels(spec))}
        types = result.table["needs_type"].to_numpy()[self.areas]
        self.nominal_type = np.array([names[t] for t in types], np.int8)
        self.is_far = result.layers.is_help_far[self.areas]

    @property
    def broad_rank(self) -> float:
        """Return the last risk rank at which an area that nothing drives alone is of the multiple type."""
        return BROAD_SHARE * self.size

    def nominal_factors(self) -> Factors:
        """Return the factors of the spec itself, with nothing drawn."""
        return Factors(
            self.domain_weights,
            self.inner,
            self.nominal_normalisation,
            self.nominal_power,
            self.spec.rural.lambda_ if self.has_rural else 0.0,
            None,
            None,
        )

    def active(self) -> tuple[str, ...]:
        """Return the factors that vary in this model, in the order of FACTORS."""
        declared = self.spec.uncertainty
        is_on = {
            "weights": declared.weights.kind != "fixed",
            "normalisation": len(declared.normalisation) > 1,
            "aggregation": len(declared.aggregation) > 1,
            "sampling_error": self.sources > 0,
            "imputation": len(self.cell_row) > 0,
            "rural_lambda": declared.rural_lambda is not None and self.has_rural,
            "leave_one_out": declared.leave_one_out and len(self.inner) > 1,
        }
        if self.mode == "weights":
            return ("weights",) if is_on["weights"] else ()
        return tuple(name for name in FACTORS if is_on[name])

    def factors(
        self,
        u: dict[str, float],
        rng: dict[str, np.random.Generator],
        weights: tuple[Array, Array] | None = None,
    ) -> Factors:
        """Return the factors for positions `u` in 0 to 1; weights, sampling error and imputation come from `rng`.

        A factor that is not in `u` or `rng` stays as the spec has it. `weights` are weights of domains (M,) and
        inside domains (K,) to use in place of the spec's.
        """
        declared, base = self.spec.uncertainty, self.nominal_factors()
        outer, inner = weights or (base.domain_weights, base.inner_weights)
        if "weights" in rng:
            outer, inner = self.stated.drawn(rng["weights"], with_inner=self.mode == "full")
        if "leave_one_out" in u:
            # One way of many is to leave none out.
            dropped = min(int(u["leave_one_out"] * (len(inner) + 1)), len(inner)) - 1
            outer, inner = self.stated.without(dropped, outer, inner)
        normalisation, power, lambda_ = base.normalisation, base.power, base.lambda_
        if "normalisation" in u:
            normalisation = _CODES[_choice(declared.normalisation, u["normalisation"])]
        if "aggregation" in u:
            kind = _choice(declared.aggregation, u["aggregation"])
            power = 1.0 if kind == "arithmetic" else float(kind.partition(":")[2])
        if "rural_lambda" in u and declared.rural_lambda is not None:
            low, high = declared.rural_lambda
            lambda_ = low + (high - low) * u["rural_lambda"]
        noise = picks = None
        if "sampling_error" in rng:
            noise = rng["sampling_error"].standard_normal((self.sources, self.size), dtype=np.float32)
        if "imputation" in rng:
            picks = rng["imputation"].random(len(self.cell_row), dtype=np.float32)
        return Factors(outer, inner, normalisation, power, lambda_, noise, picks)

    def version(self, factors: Factors, scratch: Scratch) -> None:
        """Work out one version; the ranks are left in `scratch`."""
        if self.mode == "weights":
            values = self.fixed
        else:
            self._domains(factors, scratch)
            values = scratch.values
        kernels.combine(values, factors.domain_weights, factors.power, scratch.risk)
        kernels.rank_down(scratch.risk, *scratch.sorting, scratch.up, scratch.risk_rank)
        if self.has_rural and factors.lambda_ > 0:
            if (
                self.is_transformed
                or factors.normalisation != self.nominal_normalisation
                or factors.power != self.nominal_power
            ):
                # A factor means something on the scale it was chosen for: on scores that lie around 50 and not around
                # 15 the same lambda would weigh remoteness three times as much.
                kernels.spread_like(scratch.order, self.sorted_risk, scratch.risk)
            kernels.weigh_remote(
                scratch.risk, self.remoteness, factors.lambda_, self.spec.rural.cap, scratch.exclusion
            )
            kernels.rank_down(scratch.exclusion, *scratch.sorting, scratch.up, scratch.exclusion_rank)
        else:
            scratch.exclusion_rank[:] = scratch.risk_rank

    def _domains(self, factors: Factors, scratch: Scratch) -> None:
        if factors.noise is None:
            scratch.scores[:] = self.base
        else:
            kernels.draw_scores(
                self.base, self.posterior, self.source, factors.noise, self.steps, self.lookup, scratch.scores
            )
        if factors.picks is not None:
            kernels.add_imputed(
                self.cell_row, self.cell_area, self.cell_base, self.pool_start, self.pool_size, self.pool,
                factors.picks, scratch.scores,
            )  # fmt: skip
        kernels.domain_sums(
            scratch.scores,
            self.members,
            self.domain_of,
            factors.inner_weights.astype(np.float32),
            scratch.sums,
        )
        for d in range(len(self.domain_weights)):
            kernels.rank_up(scratch.sums[d], *scratch.sorting, scratch.domain_ranks[d])
            kernels.domain_values(
                scratch.sums[d],
                scratch.domain_ranks[d],
                factors.normalisation,
                self.tables,
                scratch.values[d],
            )


def _additive(spec: "Spec", scores: Array) -> tuple[Array, bool]:
    """Return domain scores on the scale on which the spec's mean is a weighted sum, and whether that is another one."""
    shifted = scores + spec.index.offset
    if spec.index.aggregation == "geometric":
        return np.log(shifted).astype(np.float32), True
    if spec.index.aggregation == "harmonic":
        return (-1.0 / shifted).astype(np.float32), True
    if spec.index.offset and spec.index.aggregation == "power":
        return shifted.astype(np.float32), True
    return scores.astype(np.float32), False


def _choice(options: tuple[str, ...], u: float) -> str:
    return options[min(int(u * len(options)), len(options) - 1)]
