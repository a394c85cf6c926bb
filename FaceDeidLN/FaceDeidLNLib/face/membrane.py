"""A smooth surface spanned by the curve alone: it knows nothing of the face inside."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve


def harmonic_fill(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Fill the cells ``inside`` (rows, columns) so that Laplace's equation holds, from ``values`` on the cells around.

    The minimal-energy membrane: inside values of the input are never read. Cells outside keep theirs. The raster's
    own edge reflects.
    """
    rows, columns = inside.shape
    number = np.full(inside.shape, -1)
    cells = np.argwhere(inside)
    number[inside] = np.arange(len(cells))
    if not len(cells):
        return values.copy()
    here, there, right = [], [], np.zeros(len(cells))
    count = np.zeros(len(cells))
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        near = cells + step
        valid = (near >= 0).all(1) & (near[:, 0] < rows) & (near[:, 1] < columns)
        index = np.flatnonzero(valid)
        count[index] += 1
        to = number[near[index, 0], near[index, 1]]
        free = to >= 0
        here.append(index[free])
        there.append(to[free])
        fixed = index[~free]
        right[fixed] += values[near[fixed, 0], near[fixed, 1]]
    own = np.arange(len(cells))
    data = np.concatenate([count, -np.ones(sum(map(len, here)))])
    matrix = csr_matrix((data, (np.concatenate([own, *here]), np.concatenate([own, *there]))), shape=(len(cells),) * 2)
    filled = values.copy()
    filled[inside] = spsolve(matrix.tocsc(), right)
    return filled
