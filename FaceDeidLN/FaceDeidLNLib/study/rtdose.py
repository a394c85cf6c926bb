"""RT dose: nothing in front of the new surface, and in the region no border at the old skin; everywhere else the stored numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from scipy import ndimage

from ..core.geometry import Geometry
from ..core.volume import Volume
from ..face.polar import to_polar
from .dose_depth import require_depth_untold
from .dose_edge import require_end_on_skin
from .elsewhere import require_in_view
from .family import ClippedOneByOne, DoubtError, StudyRun
from .grids import moved, region_voxels, require_sound_grid
from .hidden import HiddenFace
from .instances import Instance
from .inward import require_no_inward_copy
from .pictures import DOSE, remove_pictures
from .rays import rays_of, step_left
from .whole import whole_of

#: Of the step of the dose at the old skin at most this share may be left.
MOST_LEFT = 0.3
#: Less than this share of the largest dose is what scatters.
LEAST_DOSE = 0.01
#: Over so many degrees the border knows nothing of the old skin but its innermost place, and lies below it by this share of the veil.
ENVELOPE_DEGREES, VEIL_SHARE = 25.0, 0.5
#: Isodoses, as shares of the largest dose, that are asked whether they follow the old skin below the border, as doses do that depend on
#: depth alone. Of such doses one lies at one depth in 0.52 to 0.71 of the face's fields; of 2 to 9 beams on target volumes in 0.55 at most.
ISODOSES = np.arange(0.025, 1.0, 0.025)
#: The offsets of a dose's frames are heights where the first is that of the first frame (mm), and their normal is the axis of the body.
SAME_HEIGHT_MM, TRANSVERSE = 0.1, 0.999


class RtDoseFamily(ClippedOneByOne):
    """RT Dose."""

    name = "rtdose"
    clips = "dose in the region ends at the new surface, or at a smooth one inside the old skin; elsewhere the stored numbers"

    def clip(self, run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> dict[str, Any]:
        """Clip, verify, write."""
        dataset = whole_of(instance.path)
        if dataset.get("ROIContourSequence"):
            raise DoubtError("it holds isodose contours beside the dose, which nobody looks at")
        if "PixelData" not in dataset:
            raise DoubtError("it holds no grid of doses: what else is in it nobody looks at")
        stored = dataset.pixel_array
        stored = stored.reshape((-1, *stored.shape[-2:]))
        grid, values = moved(dose_geometry(dataset), matrix), stored.copy()
        require_in_view("dose", grid.to_lps(np.argwhere(stored > LEAST_DOSE * stored.max())), run.seen_in(instance.frame))
        require_end_on_skin(Volume(stored, grid), run.seen_in(instance.frame), hidden)
        voxels = region_voxels(hidden, grid, max(map(float, dataset.PixelSpacing)) / 2, HiddenFace.named_on)
        directions, distance = to_polar(hidden.face.frame, grid.to_lps(voxels.at))
        gone = (voxels.after < 0) | (distance > hidden.face.raster.sample(border(hidden), directions))
        values[tuple(voxels.at[gone].T)] = 0
        left = step_left(hidden, *(Volume(array.astype(np.float32), grid) for array in (stored, values)))
        if left is not None and left > MOST_LEFT:
            raise DoubtError(f"the border of the dose still follows the old skin: {left:.0%} of its step is left")
        require_no_inward_copy(isodoses(Volume(values, grid), hidden), hidden)
        require_depth_untold(Volume(values.astype(np.float32), grid), hidden)
        remove_pictures(dataset, DOSE)
        dataset.add_new(0x7FE00010, "OW", values.astype(values.dtype.newbyteorder("<")).tobytes())
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        run.writer.put(instance, dataset)
        return {
            "voxels_without_dose": int(gone.sum()),
            "share_of_step_left": None if left is None else round(left, 3),
            "dvh_before": "DVHSequence" in dataset,
        }


def border(hidden: HiddenFace) -> np.ndarray:
    """The distance in mm from the frame's origin, on the face's raster, at which a dose ends that does not end before.

    A border is all that a dose shows, and below the old skin at any depth it shows lips, nose and eyes. So it lies below the lower
    envelope of that skin over ENVELOPE_DEGREES, which has none of them, at a random depth.
    """
    face = hidden.face
    _, before, _ = rays_of(hidden)
    skin = np.full(face.raster.shape, np.inf)
    skin[face.inside] = np.where(np.isnan(before), np.inf, before)
    cells = ENVELOPE_DEGREES / face.raster.step
    low = ndimage.minimum_filter(skin, size=round(cells), mode="nearest")
    nearest = ndimage.distance_transform_edt(~np.isfinite(low), return_distances=False, return_indices=True)
    return ndimage.gaussian_filter(low[tuple(nearest)], cells / 4, mode="nearest") - VEIL_SHARE * hidden.veil


def isodoses(dose: Volume, hidden: HiddenFace) -> Iterator[tuple[str, np.ndarray]]:
    """The surfaces of equal dose around the face: what each is called, and its voxels' places (N, 3; the face's LPS mm)."""
    part = dose.crop(dose.geometry.box_around(hidden.reach.geometry.corners()))
    for share in ISODOSES if part.array.size else ():
        held = part.array >= share * dose.array.max()
        yield f"isodose of {share:.3g} of the largest dose", part.geometry.to_lps(np.argwhere(held & ~ndimage.binary_erosion(held)))


def dose_geometry(dataset: Dataset) -> Geometry:
    """The grid of a dose (PS3.3 C.8.8.3.2).

    :raises DoubtError: the offsets of its frames are missing or uneven, or it lies nowhere.
    """
    frames = int(dataset.get("NumberOfFrames") or 1)
    rows = np.array(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
    offsets = np.array(dataset.get("GridFrameOffsetVector") or [0.0], dtype=float)
    position = np.array(dataset.ImagePositionPatient, dtype=float)
    steps = np.diff(offsets)
    if len(offsets) != frames or frames < 2 or np.ptp(steps) > 0.05 or not steps[0]:
        raise DoubtError("the frames of the dose do not lie at equal distances")
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = rows[0] * float(dataset.PixelSpacing[1]), rows[1] * float(dataset.PixelSpacing[0])
    matrix[:3, 2], matrix[:3, 3] = _along(rows, offsets, position) * steps[0], position
    grid = Geometry((frames, int(dataset.Rows), int(dataset.Columns)), matrix)
    require_sound_grid("the dose", grid, rows)
    return grid


def _along(rows: np.ndarray, offsets: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The direction in which offsets count: that of the frames' normal, or upward where they are heights of transverse frames.

    These begin with the height of the first frame, and the normal of a patient who lies feet first may lead downward.
    """
    normal = np.cross(rows[0], rows[1])
    are_heights = offsets[0] and abs(offsets[0] - position[2]) < SAME_HEIGHT_MM and abs(normal[2]) > TRANSVERSE
    return np.array([0.0, 0.0, 1.0]) if are_heights else normal
