"""An earlier edition as later ones need it: its declaration, its frozen reference, and the score of every area."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from exclusion.errors import InputError
from exclusion.index.reference import Reference, arrays_of, read_arrays, reference_from, write_arrays
from exclusion.index.spec import Spec

if TYPE_CHECKING:
    from exclusion.index.engine import IndexResult


@dataclass(frozen=True)
class Past:
    """Hold an earlier build: its spec, its reference, and the risk score of every area (Series by `lsoa21cd`)."""

    spec: Spec
    reference: Reference
    risk: Any

    @classmethod
    def of(cls, result: "IndexResult") -> "Past":
        """Return what a build leaves behind."""
        import pandas as pd

        risk = pd.Series(result.layers.risk, index=result.table["lsoa21cd"].to_numpy(), name="risk_score")
        return cls(result.spec, result.reference, risk)

    def save(self, path: Path) -> str:
        """Write one .npz file, the same bytes for the same content; return its SHA-256."""
        arrays, meta = arrays_of(self.reference)
        arrays["past/areas"] = self.risk.index.to_numpy().astype("S")
        arrays["past/risk"] = self.risk.to_numpy(float)
        meta["spec"] = self.spec.model_dump(mode="json", by_alias=True)
        return write_arrays(path, arrays, meta)

    @classmethod
    def load(cls, path: Path) -> "Past":
        """Read what `save` wrote; InputError if the file is not one."""
        import pandas as pd

        arrays, meta = read_arrays(path)
        try:
            spec = Spec.model_validate(meta["spec"])
            risk = pd.Series(
                arrays["past/risk"], index=np.char.decode(arrays["past/areas"], "ascii").astype(object)
            )
        except (KeyError, ValueError, ValidationError) as fault:
            raise InputError(
                f"{path.name} is not the reference of an edition ({type(fault).__name__}); take reference.npz of a "
                "published edition."
            ) from fault
        return cls(spec, reference_from(arrays, meta), risk.rename("risk_score"))
