"""Correlated Gaussian noise over a box of voxels, for values that look like the scan they stand in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.ahead import shared_out
from ...core.blur import blur_along

#: Noise with a longer correlation (standard deviation, cells) than the first is made in larger cells, below the second it is white.
MOST_SIGMA, LEAST_SIGMA = 2.0, 0.33
#: A Gaussian ends so many standard deviations from its middle.
TRUNCATE = 2.5
#: So many values are drawn one after the other.
DRAWN_TOGETHER = 1 << 20
#: A block of more values than DRAWN_TOGETHER that are means over so many at least is made of two dice each: their mean is normal (central
#: limit theorem; of -1.2 an excess kurtosis of -0.2 at most is left), and they take a fraction of the time.
FEWEST_DICE = 12.0
#: So many values of such a block are one standard deviation: some sixty to a whole HU of the noisiest scan, so that rounding shows no comb.
#: Eight deviations fill sixteen bits, and nothing is that rare.
STEPS, MOST_STEPS = 4096.0, 32767
#: So many of its values are blurred at a time: they stay in a processor's cache.
BLURRED_TOGETHER = 1 << 18
#: Two dice of sixteen sides, 0 to 15, are a byte: their mean and standard deviation.
_DICE_MEAN, _DICE_SD = 15.0, float(np.sqrt(2 * (16**2 - 1) / 12))


@dataclass(frozen=True, eq=False)
class Noise:
    """Gaussian noise over a whole box: a ``block`` (K, J, I) of cells, in ``unit``; a voxel times ``shrunk`` is its cell.

    The block is float16 or int16: what they tell apart is finer than what a CT's whole HU tell, and half a box or less is what they take.

    Drawn for the box as a whole, so that it nowhere repeats: two places with the same noise would tell fill from tissue. A correlation
    of more than MOST_SIGMA cells is the same in larger cells.
    """

    block: np.ndarray
    shrunk: np.ndarray
    unit: np.float32

    @classmethod
    def drawn(cls, sigma: np.ndarray, deviation: float, shape: tuple[int, ...], random: np.random.Generator) -> Noise:
        """Noise with ``deviation`` for voxels of ``shape``, correlated over ``sigma`` voxels per axis; white where that is below 0.33."""
        shrunk = np.where(sigma > MOST_SIGMA, MOST_SIGMA / sigma, 1.0).astype(np.float32)
        cells = np.where(sigma > LEAST_SIGMA, np.minimum(sigma, MOST_SIGMA), 0.0)
        size = tuple(int(np.ceil(n * s)) + 1 for n, s in zip(shape, shrunk, strict=True))
        kernels = [kernel(float(one)) for one in cells]
        if np.prod(size) > DRAWN_TOGETHER and 1.0 / np.prod([_squares(one) for one in kernels]) >= FEWEST_DICE:
            return cls(_of_dice(size, kernels, random), shrunk, np.float32(deviation / STEPS))
        block = _white(size, random)
        for axis in np.flatnonzero(cells):
            blur_along(block, float(cells[axis]), int(axis), "reflect", TRUNCATE)
        return cls(_halved(block, np.float32(deviation / max(_deviation(block), 1e-9))), shrunk, np.float32(1.0))

    def at(self, voxels: np.ndarray) -> np.ndarray:
        """Its values (N,), float32, at voxels (N, 3) of the shape it was drawn for."""
        cell = np.zeros(len(voxels), dtype=np.intp)
        for place, share, size in zip(voxels.T, self.shrunk, self.block.shape, strict=True):
            cell *= size
            cell += place if share == 1.0 else (place * np.float64(share)).astype(np.int32)
        values = self.block.ravel().take(cell).astype(np.float32)
        return np.multiply(values, self.unit, out=values)


def kernel(sigma: float) -> np.ndarray:
    """The weights (R + 1,), float32, of a Gaussian's middle and one side of it; all of them together are 1."""
    reach = int(TRUNCATE * sigma + 0.5)
    side = np.exp(-0.5 * (np.arange(reach + 1) / max(sigma, 1e-9)) ** 2)
    return (side / (2.0 * side.sum() - 1.0)).astype(np.float32)


def _squares(weights: np.ndarray) -> float:
    """The sum of a kernel's squared weights: the variance that it leaves of independent values' 1."""
    return float(2.0 * (weights**2).sum() - weights[0] ** 2)


def _of_dice(shape: tuple[int, ...], kernels: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Blurred noise (int16) of STEPS to a standard deviation; the processors share its slabs, which no machine makes otherwise."""
    wide = [n + 2 * (len(one) - 1) for n, one in zip(shape, kernels, strict=True)]
    rough, out = _bytes(wide, random), np.empty(shape, dtype=np.int16)
    scale = np.float32(STEPS / (_DICE_SD * np.sqrt(np.prod([_squares(one) for one in kernels]))))
    step, more = max(1, BLURRED_TOGETHER // (wide[1] * wide[2])), 2 * (len(kernels[0]) - 1)

    def fill(start: int) -> None:
        pairs = rough[start : start + step + more]
        slab = ((pairs & 15) + (pairs >> 4)).astype(np.float32)
        for axis, weights in enumerate(kernels):
            slab = _blurred(slab, weights, axis)
        slab -= np.float32(_DICE_MEAN)
        slab *= scale
        np.clip(np.rint(slab, out=slab), -MOST_STEPS, MOST_STEPS, out=slab)
        out[start : start + step] = slab

    shared_out(fill, range(0, shape[0], step))
    return out


def _bytes(shape: list[int], random: np.random.Generator) -> np.ndarray:
    """Independent bytes, all equally likely, the same on every machine."""
    count = int(np.prod(shape))
    words = random.integers(0, np.iinfo(np.uint64).max, -(-count // 8), dtype=np.uint64, endpoint=True)
    return words.astype("<u8", copy=False).view(np.uint8)[:count].reshape(shape)


def _blurred(block: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """The block's weighted means along an axis, on whose ends the kernel's reach is lost: term by term, alike on every processor."""
    reach = len(weights) - 1
    count = block.shape[axis] - 2 * reach
    if not reach:
        return block

    def shifted(by: int) -> np.ndarray:
        return block[(slice(None),) * axis + (slice(reach + by, reach + by + count),)]

    total = shifted(0) * weights[0]
    pair = np.empty_like(total)
    for by in range(1, reach + 1):
        np.add(shifted(-by), shifted(by), out=pair)
        pair *= weights[by]
        total += pair
    return total


def _white(shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Independent normal values, float32; the processors share its parts, each of which has a key of its own that ``random`` draws.

    The parts are the same on every machine.
    """
    block, step = np.empty(shape, dtype=np.float32), max(1, DRAWN_TOGETHER // (shape[1] * shape[2]))
    starts = range(0, shape[0], step)
    keys = random.integers(0, 1 << 64, (len(starts), 2), dtype=np.uint64)

    def draw(start: int, key: np.ndarray) -> None:
        np.random.Generator(np.random.Philox(key=key)).standard_normal(dtype=np.float32, out=block[start : start + step])

    shared_out(draw, starts, keys)
    return block


def _deviation(block: np.ndarray) -> float:
    """The standard deviation of a block's values; no second block is made for it, as numpy's would be."""
    square = sum(float(np.vdot(plane, plane)) for plane in block) / block.size
    return float(np.sqrt(max(square - float(block.mean()) ** 2, 0.0)))


def _halved(block: np.ndarray, factor: np.float32) -> np.ndarray:
    """The block times a factor in half precision; the processors share its planes."""
    out = np.empty(block.shape, dtype=np.float16)

    def fill(start: int) -> None:
        out[start : start + step] = block[start : start + step] * factor

    step = max(1, DRAWN_TOGETHER // block[0].size)
    shared_out(fill, range(0, len(block), step))
    return out
