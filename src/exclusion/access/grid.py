"""A square grid in British National Grid, and shortest paths over it from cell to cell."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.travel import Points
from exclusion.errors import InputError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# Graph and distances of one search stay under 2 GB up to here (3,000 x 3,000 cells).
_MAX_CELLS = 9_000_000


@dataclass(frozen=True)
class Grid:
    """Hold a north-up grid of square cells: its top left corner (EPSG:27700 metres), cell side and shape."""

    left_m: float
    top_m: float
    cell_m: float
    n_rows: int
    n_columns: int

    def __post_init__(self) -> None:
        if not (self.cell_m > 0 and self.n_rows > 0 and self.n_columns > 0):
            raise InputError(
                "A grid needs cells of more than 0 metres, and at least one row and column of them."
            )
        if self.n_cells > _MAX_CELLS:
            raise InputError(
                f"A grid of {self.n_rows:,} by {self.n_columns:,} cells is too large to search: take wider cells than"
                f" {self.cell_m:g} m, or a smaller place."
            )

    @property
    def n_cells(self) -> int:
        """Return the number of cells."""
        return self.n_rows * self.n_columns

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return self.n_rows, self.n_columns

    @property
    def transform(self) -> Any:
        """Return the affine transform from column and row to easting and northing."""
        from rasterio import Affine

        return Affine(self.cell_m, 0.0, self.left_m, 0.0, -self.cell_m, self.top_m)

    def cell_of(self, x_m: _FloatArray, y_m: _FloatArray) -> _IntArray:
        """Return the flat position of the cell that holds each point, -1 outside the grid."""
        column = np.floor((np.asarray(x_m) - self.left_m) / self.cell_m)
        row = np.floor((self.top_m - np.asarray(y_m)) / self.cell_m)
        inside = (column >= 0) & (column < self.n_columns) & (row >= 0) & (row < self.n_rows)
        return np.where(inside, row * self.n_columns + column, -1).astype(np.int64)

    def centres(self) -> tuple[_FloatArray, _FloatArray]:
        """Return every cell's centre, row by row from the top."""
        x = self.left_m + (np.arange(self.n_columns) + 0.5) * self.cell_m
        y = self.top_m - (np.arange(self.n_rows) + 0.5) * self.cell_m
        return np.tile(x, self.n_rows), np.repeat(y, self.n_columns)


def grid_around(points: Points, *, cell_m: float, margin_m: float = 0.0) -> Grid:
    """Lay a grid on whole multiples of the cell side around points and a margin."""
    if not len(points):
        raise InputError("A grid cannot be laid around no points.")
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise InputError(f"A grid needs cells of more than 0 metres, not {cell_m}.")
    left = math.floor((float(points.x_m.min()) - margin_m) / cell_m)
    right = math.floor((float(points.x_m.max()) + margin_m) / cell_m) + 1
    bottom = math.floor((float(points.y_m.min()) - margin_m) / cell_m)
    top = math.floor((float(points.y_m.max()) + margin_m) / cell_m) + 1
    return Grid(left * cell_m, top * cell_m, float(cell_m), top - bottom, right - left)


def grid_graph(minutes_per_m: _FloatArray, cell_m: float) -> Any:
    """Return the graph of steps between the eight neighbours of every cell as a symmetric SciPy CSR array.

    `minutes_per_m` is (rows, columns), above 0; infinity is a barrier. A step costs its length times the mean of
    both cells. A diagonal step beside a barrier is forbidden: it would slip through a river drawn corner to corner.
    """
    from scipy.sparse import csr_array

    n_rows, n_columns = minutes_per_m.shape
    number = np.arange(n_rows * n_columns, dtype=np.int32).reshape(n_rows, n_columns)
    is_open = np.isfinite(minutes_per_m)
    starts, ends, costs = [], [], []
    everything = slice(None)
    head, tail = slice(None, -1), slice(1, None)
    for here, there, beside, length in (
        ((everything, head), (everything, tail), (), 1.0),
        ((head, everything), (tail, everything), (), 1.0),
        ((head, head), (tail, tail), ((head, tail), (tail, head)), math.sqrt(2.0)),
        ((head, tail), (tail, head), ((head, head), (tail, tail)), math.sqrt(2.0)),
    ):
        allowed = is_open[here] & is_open[there]
        for corner in beside:
            allowed &= is_open[corner]
        starts.append(number[here][allowed])
        ends.append(number[there][allowed])
        costs.append((minutes_per_m[here][allowed] + minutes_per_m[there][allowed]) * (0.5 * cell_m * length))
    start, end, cost = np.concatenate(starts), np.concatenate(ends), np.concatenate(costs)
    size = n_rows * n_columns
    half = csr_array((cost, (start, end)), shape=(size, size))
    return (half + half.T).tocsr()
