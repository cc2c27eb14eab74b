"""Frozen reference distributions: what scores and ranks of an edition are relative to."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.files import sha256_of, stable_json, write_bytes
from exclusion.index.transforms import ScoreCurve

Array = npt.NDArray[Any]

_LAYOUT = 1


@dataclass(frozen=True)
class Reference:
    """Hold the distributions of one build, enough to score any other areas against it.

    `indicators` and `domains` map ids to curves; `inner_weights` maps a domain to the weights of its indicators
    (they may have been estimated); `rural` is the curve of a rank-shaped rural measure, or None; `rural_column` the
    measure that was used. `sorted_scores` holds, ascending, the `risk` and `exclusion` scores of all ranked areas and
    the sums of each domain. `label` says of which areas, `spec_hash` by which declaration.
    """

    label: str
    spec_hash: str
    indicators: dict[str, ScoreCurve]
    domains: dict[str, ScoreCurve]
    inner_weights: dict[str, Array]
    sorted_scores: dict[str, Array]
    rural_column: str
    rural: ScoreCurve | None

    @property
    def n_ranked(self) -> int:
        """Return the number of areas that the ranks run over."""
        return len(self.sorted_scores["risk"])

    def rank(self, scores: Array, layer: str) -> Array:
        """Return the rank that scores would have in the reference: 1 + the number of its areas with a higher score.

        `layer` is `risk`, `exclusion` or a domain. Null stays null; nothing ranks below the last place.
        """
        held = self.sorted_scores[layer]
        above = len(held) - np.searchsorted(held, scores, side="right")
        return np.where(np.isfinite(scores), np.minimum(above + 1.0, len(held)), np.nan)

    def thinned(self, knots: int = 4096) -> "Reference":
        """Return the reference with at most `knots` knots a curve; ranks keep every score."""
        return Reference(
            self.label,
            self.spec_hash,
            {name: curve.thinned(knots) for name, curve in self.indicators.items()},
            {name: curve.thinned(knots) for name, curve in self.domains.items()},
            self.inner_weights,
            self.sorted_scores,
            self.rural_column,
            self.rural.thinned(knots) if self.rural else None,
        )


def save_reference(reference: Reference, path: Path) -> str:
    """Write a reference as one .npz file, the same bytes for the same content; return its SHA-256."""
    return write_arrays(path, *arrays_of(reference))


def arrays_of(reference: Reference) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return a reference as named arrays and a JSON-able account of them."""
    arrays: dict[str, Array] = {
        f"sorted/{name}": held for name, held in sorted(reference.sorted_scores.items())
    }
    meta: dict[str, Any] = {
        "layout": _LAYOUT,
        "label": reference.label,
        "spec_hash": reference.spec_hash,
        "rural_column": reference.rural_column,
        "indicators": {},
        "domains": {},
        "rural": {},
    }
    rural = {"rural": reference.rural} if reference.rural else {}
    for layer, curves in (
        ("indicators", reference.indicators),
        ("domains", reference.domains),
        ("rural", rural),
    ):
        for name, curve in sorted(curves.items()):
            arrays[f"{layer}/{name}/values"] = curve.values
            arrays[f"{layer}/{name}/scores"] = curve.scores
            meta[layer][name] = {"neutral": float(curve.neutral), "goes_on": curve.goes_on}
    for name, weights in sorted(reference.inner_weights.items()):
        arrays[f"weights/{name}"] = weights
    return arrays, meta


def write_arrays(path: Path, arrays: dict[str, Array], meta: dict[str, Any]) -> str:
    """Write arrays and their account as one .npz file without a clock in it; return its SHA-256."""
    packed = np.frombuffer(stable_json(meta, indent=None).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, meta=packed)
    write_bytes(path, buffer.getvalue())
    return sha256_of(path)


def load_reference(path: Path) -> Reference:
    """Read a reference written by `save_reference`; InputError if the file is not one."""
    return reference_from(*read_arrays(path))


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return what `write_arrays` wrote; InputError if the file is not a reference of this layout."""
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        meta = json.loads(arrays["meta"].tobytes())
        if meta["layout"] != _LAYOUT:
            raise InputError(
                f"{path.name} has layout {meta['layout']}, this version reads {_LAYOUT}; build the reference again."
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(
            f"{path.name} is not a reference of the index; take the reference.npz of a published edition."
        ) from fault
    return arrays, meta


def reference_from(arrays: dict[str, Array], meta: dict[str, Any]) -> Reference:
    """Return the reference in named arrays and their account."""

    def curves(layer: str) -> dict[str, ScoreCurve]:
        return {
            name: ScoreCurve(
                arrays[f"{layer}/{name}/values"],
                arrays[f"{layer}/{name}/scores"],
                facts["neutral"],
                facts["goes_on"],
            )
            for name, facts in meta[layer].items()
        }

    weights = {name[8:]: array for name, array in arrays.items() if name.startswith("weights/")}
    return Reference(
        label=meta["label"],
        spec_hash=meta["spec_hash"],
        indicators=curves("indicators"),
        domains=curves("domains"),
        inner_weights=weights,
        sorted_scores={name[7:]: array for name, array in arrays.items() if name.startswith("sorted/")},
        rural_column=meta["rural_column"],
        rural=curves("rural").get("rural"),
    )
