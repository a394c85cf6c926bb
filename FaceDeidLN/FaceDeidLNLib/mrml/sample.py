"""The sample: a synthetic head with its lymph nodes, computed and not downloaded."""

from __future__ import annotations

import slicer

from ..core.progress import Progress, alive_in, silent
from ..core.segment import tight
from ..phantom import make_phantom
from ..sample_data import PHANTOM_NAME
from .looks import show_fitted
from .nodes import add_ct, add_segmentation
from .scene import SceneContext


def add_phantom(
    context: SceneContext, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.5), progress: Progress | None = None
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """A synthetic CT, shown in the slice views, and the segmentation of its lymph nodes; ``spacing_mm`` along i, j and k."""
    phantom = make_phantom(spacing_mm, seed=1, alive=alive_in(progress or silent, 0.1, "computing the synthetic head"))
    ct = add_ct(context, phantom.ct, PHANTOM_NAME)
    show_fitted(context, ct)
    masks = [tight(segment.name, segment.mask.array) for segment in phantom.nodes]
    return ct, add_segmentation(context, masks, phantom.ct.geometry, f"{PHANTOM_NAME} lymph nodes", reference=ct)
