"""The sample: a synthetic head with its lymph nodes, computed and not downloaded."""

from __future__ import annotations

from collections.abc import Sized

import slicer

from ..core.ahead import told_beside
from ..core.errors import InputError
from ..core.parameters import Number
from ..core.progress import Progress, alive_in, silent
from ..core.segment import BoxMask, tight
from ..core.volume import Volume
from ..phantom import make_phantom
from ..sample_data import PHANTOM_NAME
from .looks import show_fitted
from .nodes import add_ct, add_segmentation
from .scene import SceneContext

_VOXEL = Number("spacing_mm", 0.4, 10.0, "mm", "how wide a voxel is", 1.0)


def add_phantom(
    context: SceneContext, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.5), progress: Progress | None = None
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """A synthetic CT, shown in the slice views, and the segmentation of its lymph nodes; ``spacing_mm`` along i, j and k.

    :raises InputError: the voxels would be no voxels, or hold no head.
    """
    if not (isinstance(spacing_mm, Sized) and len(spacing_mm) == 3):
        raise InputError(f"spacingMm takes three numbers, and not {spacing_mm!r}.")
    for width in spacing_mm:
        _VOXEL.require(width, "spacingMm")

    def made(tell: Progress) -> tuple[Volume, list[BoxMask]]:
        alive = alive_in(tell, 0.1, "computing the synthetic head")
        alive()
        phantom = make_phantom(spacing_mm, seed=1, alive=alive)
        return phantom.ct, [tight(segment.name, segment.mask.array) for segment in phantom.nodes]

    head, masks = told_beside(made, progress or silent)
    ct = add_ct(context, head, PHANTOM_NAME)
    show_fitted(context, ct)
    return ct, add_segmentation(context, masks, head.geometry, f"{PHANTOM_NAME} lymph nodes", reference=ct)
