"""RT dose: nothing in front of the new surface, and in the region no border at the old skin; everywhere else the stored numbers."""

from __future__ import annotations

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from ..core.geometry import Geometry
from .family import Done, DoubtError, Series, Study, StudyRun
from .grids import moved, region_voxels
from .instances import Instance
from .outcome import Decision, Outcome
from .pictures import remove_pictures

CLIPS = "dose in the region ends at the new surface, or below the old skin at a random depth; elsewhere the stored numbers"
UNKNOWN = "no CT of the study has its frame of reference"


class RtDoseFamily:
    """RT Dose."""

    name = "rtdose"

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Clip where the frame of reference is a CT's of the study."""
        known = study.frames_of("ct") if not study.frames_of("registration") else {instance.frame for instance in series.instances}
        return tuple(
            Decision(Outcome.CLIP, CLIPS) if instance.frame in known else Decision.withhold(UNKNOWN) for instance in series.instances
        )

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Clip, verify, write."""
        return tuple(self._release(instance, run) for instance in series.instances)

    @staticmethod
    def _release(instance: Instance, run: StudyRun) -> Done:
        dataset = pydicom.dcmread(instance.path)
        hidden, matrix = run.face_in(instance.frame)
        values = dataset.pixel_array
        values = values.reshape((-1, *values.shape[-2:])).copy()
        voxels = region_voxels(hidden, moved(dose_geometry(dataset), matrix), max(map(float, dataset.PixelSpacing)) / 2)
        gone = (voxels.after < 0) | (voxels.below_veil < 0)
        values[tuple(voxels.at[gone].T)] = 0
        remove_pictures(dataset)
        dataset.add_new(0x7FE00010, "OW", values.astype(values.dtype.newbyteorder("<")).tobytes())
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        run.writer.put(instance, dataset)
        figures = {"voxels_without_dose": int(gone.sum()), "dvh_before": "DVHSequence" in dataset}
        return Done((instance,), Decision(Outcome.CLIP, CLIPS), figures)


def dose_geometry(dataset: Dataset) -> Geometry:
    """The grid of a dose (PS3.3 C.8.8.3.2): frames at their offsets along the normal of the first.

    :raises DoubtError: the offsets are missing or uneven.
    """
    frames = int(dataset.get("NumberOfFrames") or 1)
    rows = np.array(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
    offsets = np.array(dataset.get("GridFrameOffsetVector") or [0.0], dtype=float)
    position = np.array(dataset.ImagePositionPatient, dtype=float)
    steps = np.diff(offsets)  # offsets from the first frame, or coordinates along its normal: the steps are the same
    if len(offsets) != frames or frames < 2 or np.ptp(steps) > 0.05 or not steps[0]:
        raise DoubtError("the frames of the dose do not lie at equal distances")
    normal = np.cross(rows[0], rows[1])
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = rows[0] * float(dataset.PixelSpacing[1]), rows[1] * float(dataset.PixelSpacing[0])
    matrix[:3, 2], matrix[:3, 3] = normal * steps[0], position
    return Geometry((frames, int(dataset.Rows), int(dataset.Columns)), matrix)
