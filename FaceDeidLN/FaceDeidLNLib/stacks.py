"""The result of a CT whose slices lie at uneven places: carried to the slices, and proved on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .case.judge import find_evidence, judged_case
from .case.records import CaseResult
from .core.segment import BoxMask, tight
from .core.stack import Stack
from .core.volume import Volume
from .face.apron import laid_over
from .input.case import CtInput
from .output.representable import representable
from .verify.compare import compare, different_bits

#: What lies between two slices further apart than this, in mm, cannot be judged: a nose or an eye fits in.
MAX_GAP_MM = 5.0


def on_slices(ct: CtInput, result: CaseResult) -> CaseResult:
    """A result on the even grid, carried to the slices of ``ct.stack`` as they can be stored, with the verdict on those.

    Protected segments and node levels cover a slice that lies between two planes wherever they hold one of them; so does the face
    segment, without them. Beyond the curve only air may become tissue. Comparison is of the slices to the bit; the face is judged on the
    grid made of the new slices.
    """
    stack, shape = ct.stack, ct.volume.array.shape
    kept = [(mask, stack.covered(mask.full(shape))) for mask in (*result.protected, *(level.mask for level in result.levels))]
    face = stack.covered(result.face.without_apron().segment.full(shape))
    beyond = stack.covered(result.face.apron.full(shape) & different_bits(ct.volume.array, result.result.array)) & ~face
    for _, covered in kept:
        face &= ~covered
        beyond &= ~covered
    carried = stack.carried(result.result.array)
    new = np.where(face, carried, np.where(beyond, laid_over(stack.array, carried), stack.array))
    face |= beyond
    slices = representable(ct, ct.slices.with_array(new))
    again = result.result.with_array(stack.with_array(slices.array).even())
    state = replace(result, result=again, slices=slices, failures=(*result.failures, *_wide_gaps(stack, face)))
    comparison = compare(ct.slices, slices, tight("face", face), [_named(mask, covered) for mask, covered in kept])
    return judged_case(state, comparison, find_evidence(ct.volume, state, different_bits(ct.volume.array, again.array)))


def released_volume(result: CaseResult) -> Volume | None:
    """What is written of a result: the slices at their own places where they are uneven."""
    return result.result if result.slices is None else result.slices


def _named(mask: BoxMask, covered: np.ndarray) -> BoxMask:
    return replace(tight(mask.name, covered), name=mask.name)


def _wide_gaps(stack: Stack, face: np.ndarray) -> tuple[str, ...]:
    """Why a person must look: slices of the face that lie too far apart."""
    holds = face.any(axis=(1, 2))
    wide = [gap for n, gap in enumerate(stack.gaps_mm) if gap > MAX_GAP_MM and (holds[n] or holds[n + 1])]
    if not wide:
        return ()
    which = "two slices of the face lie" if len(wide) == 1 else f"in {len(wide)} places slices of the face lie up to"
    return (f"{which} {max(wide):.1f} mm apart: what is between them cannot be judged, look at the result slice by slice",)
