"""The one interface of every effect, and the only place that writes voxels."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Protocol

import numpy as np

from ..core.ahead import shared_out
from ..core.memory import give_back
from ..core.parameters import Parameters
from ..core.volume import Volume
from ..face.apron import laid_over
from ..face.segment import Face

#: Of a seed that nobody can guess.
SEED_BITS = 256


class Effect(Protocol):
    """Something that is done to a face.

    ``apply`` returns HU (float32) for every voxel of ``face.segment.box``; only those inside the segment are used, so
    that an effect cannot touch anything else. It may read the whole CT and must not write to it.
    """

    name: str

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """New HU for the box of the face segment, (k, j, i) of the box's shape."""
        ...


def runs_out(effect: Effect) -> bool:
    """Does its new face run out over the air beyond the curve (``face.apron``)? It says so itself; every other is given none of it."""
    return bool(getattr(effect, "runs_out", False))


def apply_effect(effect: Effect, ct: Volume, face: Face, parameters: Parameters) -> Volume:
    """A copy of the CT with the effect, and the watermark if one is asked for, inside the face segment: no other voxel is ever written.

    In the air beyond the curve only air becomes tissue, whatever an effect gives.
    """
    face = face if runs_out(effect) else face.without_apron()
    values = effect.apply(ct, face, parameters, drawing(parameters.seed))
    if parameters.watermark:
        from .tools.watermark import stamped  # it loads fonts, which few need

        values = stamped(values, ct, face, parameters.watermark)
    if face.apron.voxels:
        beyond = face.apron.inside(face.segment.box)
        values[beyond] = laid_over(ct.array[face.segment.box.slices][beyond], values[beyond])
    mask = face.segment.array
    new = _stored(values, mask, ct.array.dtype)
    del values
    give_back()  # before there is another CT
    array = np.empty_like(ct.array)
    shared_out(np.copyto, array, ct.array)
    array[face.segment.box.slices][mask] = new
    return ct.with_array(array)


def seeded(parameters: Parameters, of_patient: int | None = None) -> Parameters:
    """The parameters with a seed, that ``of_patient`` or one drawn, unless they have one: what all images of one head share."""
    return replace(parameters, seed=parameters.seed or of_patient or secrets.randbits(SEED_BITS))


def drawing(seed: int | None, stream: int = 0) -> np.random.Generator:
    """What an effect draws from: keyed by the system's cryptographic source, or by ``seed`` where it must be repeated.

    A test repeats it, and the series of a study share one surface; ``stream`` gives other numbers from the same seed.

    Philox (Salmon et al., SC 2011) is a keyed block function over a counter: from values that were seen, others cannot be computed as
    from the state of a shift register. It is no proven cipher. Its key has 128 bits, from a seed of 256 that is stored nowhere, so that
    seeds cannot be tried one after the other; and what is seen are not its values but sums of smoothed draws, rounded to whole
    HU. It has to stay unknown: whoever knew every draw could tell, from where new tissue ends, how deep below the old skin that is.
    """
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    pool = 8 if seed.bit_length() > 128 else 4  # words of 32 bits: the usual pool would keep half of a long seed
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,) if stream else (), pool_size=pool)
    return np.random.Generator(np.random.Philox(sequence))


def _stored(values: np.ndarray, mask: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The values (N,) inside a mask in another scalar type, plane by plane: all at once they take the room of three more arrays."""
    out, done = np.empty(np.count_nonzero(mask), dtype=dtype), 0
    for plane, inside in zip(values, mask, strict=True):
        some = to_scalar_type(plane[inside], dtype)
        out[done : done + len(some)] = some
        done += len(some)
    return out


def to_scalar_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """HU in another scalar type: rounded and clipped to its range where it is whole-numbered (never wrapped)."""
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
