"""A fitted model on disk: plain arrays under the hash of what they were fitted on, checked before they are believed."""

import hashlib
import io
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from exclusion.estimate.model import Fitted
from exclusion.files import sha256_of_parts, write_bytes

_MAGIC = b"exclusion-fit-1\n"
_DIGEST = 64


def fingerprint(table: pd.DataFrame, observed_share: pd.Series, **parameters: object) -> str:
    """Return the hash of all that a fit depends on: every value it reads, the parameters, the code and its libraries."""
    parts: list[bytes | str] = [_code_hash()]
    parts += [f"{name} {metadata.version(name)}" for name in ("numpy", "pandas", "scikit-learn", "scipy")]
    parts += [f"{key}={value!r}" for key, value in sorted(parameters.items())]
    parts += ["\n".join(map(str, table.index)), "\n".join(map(str, table.columns))]
    for name in table.columns:
        column = table[name]
        parts.append(str(column.dtype))
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            parts.append(column.to_numpy(dtype=float, na_value=np.nan).tobytes())
        else:
            parts.append(
                "\n".join(
                    "\0" if missing else str(value)
                    for value, missing in zip(column, column.isna(), strict=True)
                )
            )
    parts.append(observed_share.reindex(table.index).to_numpy(float).tobytes())
    return sha256_of_parts(parts)


def _code_hash() -> str:
    folder = Path(__file__).parent
    names = ("features.py", "neighbours.py", "kernel.py", "trees.py", "intervals.py", "model.py")
    return sha256_of_parts([(folder / name).read_bytes() for name in names])


def save(fitted: Fitted, folder: Path, key: str) -> Path:
    """Write a fit to `<folder>/fit-<key>.npz.checked` atomically and return the path."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {field.name: np.asarray(getattr(fitted, field.name)) for field in fields(Fitted)}
    np.savez(buffer, key=np.array(key), **arrays)
    body = buffer.getvalue()
    path = _path(folder, key)
    write_bytes(path, _MAGIC + _digest(body) + b"\n" + body)
    return path


def load(folder: Path, key: str, areas: int) -> Fitted | None:
    """Return the fit kept under this key, or None where there is none that can be believed.

    A file that is cut short, changed, of another key or of another number of areas is not believed; the caller fits
    anew and overwrites it. Arrays are read without pickle, so a planted file cannot run code.
    """
    body = _checked_body(_path(folder, key))
    if body is None:
        return None
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            is_same = str(arrays["key"]) == key and len(arrays["theta"]) == areas
            values = {field.name: arrays[field.name] for field in fields(Fitted)}
    except (ValueError, KeyError, OSError, EOFError, BadZipFile):
        return None
    values["smearing"] = float(values["smearing"])
    return Fitted(**values) if is_same else None


def _checked_body(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST + 1
    body = data[head:]
    is_whole = data.startswith(_MAGIC) and data[len(_MAGIC) : head - 1] == _digest(body)
    return body if is_whole else None


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _path(folder: Path, key: str) -> Path:
    return folder / f"fit-{key[:16]}.npz.checked"
