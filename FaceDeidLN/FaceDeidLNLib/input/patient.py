"""The patient as a rough solid: enough to tell which segment is his outline, whatever it is called."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..core.segment import Segment, tight
from ..core.volume import Volume, block_mean
from .names import is_outline
from .place import place_segments

#: Voxels (mm) in which the patient is looked at.
COARSE_MM = 6.0
#: What lies above (HU) is tissue, also in half-filled voxels.
TISSUE_HU = -300.0
#: A segment that holds more of the patient than this is his outline.
MOST_OF_PATIENT = 0.9
#: One that is called an outline, and whose box holds more than this of him, is one too: a rind may be open where the view cuts it.
OUTLINE_BOX_SHARE = 0.75
#: No patient is as small (mm3) as half a litre.
LEAST_MM3 = 5e5
#: The code that makes any segment known as the patient's outline.
OUTLINE_CODE = "SCT:38266002 Entire body as a whole"


class Patient:
    """The largest solid of tissue in a CT (HU), on voxels of some 6 mm."""

    def __init__(self, ct: Volume) -> None:
        self._ct = ct

    def recognised(self, segment: Segment) -> Segment:
        """The segment; where it holds most of the patient with a code that says so."""
        return replace(segment, code=OUTLINE_CODE) if self._holds_patient(segment) else segment

    def is_outlined_by(self, segment: Segment) -> bool:
        """True for an outline that goes around most of the patient; a lump that is only called so is none."""
        return is_outline(segment) and self._share_of_box(segment) >= OUTLINE_BOX_SHARE

    @cached_property
    def _solid(self) -> Volume:
        coarse = block_mean(self._ct, COARSE_MM)
        tissue = ndimage.binary_opening(coarse.array > TISSUE_HU)
        labels, count = ndimage.label(tissue)
        if count:
            tissue = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        return coarse.with_array(self._filled(tissue))

    def _filled(self, mask: np.ndarray) -> np.ndarray:
        """The mask without holes in any of its axial planes."""
        axis = 2 - int(np.argmax(np.abs(self._ct.geometry.ijk_to_lps[2, :3] / self._ct.geometry.spacing)))
        planes = [ndimage.binary_fill_holes(plane) for plane in np.moveaxis(mask, axis, 0)]
        return np.moveaxis(np.array(planes), 0, axis)

    def _holds_patient(self, segment: Segment) -> bool:
        if self._share_of_box(segment) <= MOST_OF_PATIENT:
            return False
        full = place_segments([segment], self._ct.geometry)[0].full(self._ct.array.shape)
        held = block_mean(self._ct.with_array(full.astype(np.uint8)), COARSE_MM).array > 0
        return np.count_nonzero(self._filled(held) & self._solid.array) > MOST_OF_PATIENT * np.count_nonzero(self._solid.array)

    def _share_of_box(self, segment: Segment) -> float:
        """The share of the patient that lies in the box around the segment."""
        own = tight(segment.name, np.asarray(segment.mask.array, dtype=bool))
        grid = segment.mask.geometry.crop(own.box)
        if np.prod(grid.shape) * grid.voxel_mm3 < LEAST_MM3:
            return 0.0
        box = self._solid.geometry.box_around(grid.corners())
        return np.count_nonzero(self._solid.array[box.slices]) / max(1, np.count_nonzero(self._solid.array))
