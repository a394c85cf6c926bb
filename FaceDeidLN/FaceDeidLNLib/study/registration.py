"""Spatial registrations: rigid ones are kept, and lead from other frames of reference to the face."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from .family import Done, Series, Study, StudyRun
from .outcome import Decision, Outcome
from .pictures import remove_pictures

KEEPS = "a rigid registration: kept, references to the new instances"
NOT_RIGID = "its matrix is not rigid, so that it may have been drawn from the face"
#: A rotation's columns are perpendicular unit vectors to this.
RIGID = 1e-3


class RegistrationFamily:
    """Spatial Registration (not the deformable one)."""

    name = "registration"

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Keep what is rigid."""
        return tuple(
            Decision(Outcome.KEEP, KEEPS) if rigid(pydicom.dcmread(instance.path)) else Decision.withhold(NOT_RIGID)
            for instance in series.instances
        )

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Write them, and note where they lead."""
        for instance in series.instances:
            dataset = pydicom.dcmread(instance.path)
            matrices = dict(frames(dataset))
            for frame, matrix in matrices.items():
                for other, back in matrices.items():
                    if frame != other and other in run.hidden and frame not in run.hidden:
                        run.registered[frame] = (other, np.linalg.inv(back) @ matrix)
            remove_pictures(dataset)
            run.writer.put(instance, dataset)
        return (Done(series.instances, Decision(Outcome.KEEP, KEEPS)),)


def frames(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Each frame of reference with the matrix (4, 4) from its LPS mm to those of the registered one (PS3.3 C.20.2)."""
    own = str(dataset.get("FrameOfReferenceUID") or "")
    yield own, np.eye(4)
    for item in dataset.get("RegistrationSequence") or []:
        matrix = np.eye(4)
        for part in item.get("MatrixRegistrationSequence") or []:
            for one in part.get("MatrixSequence") or []:
                matrix = np.array(one.FrameOfReferenceTransformationMatrix, dtype=float).reshape(4, 4) @ matrix
        frame = str(item.get("FrameOfReferenceUID") or "")
        if frame and frame != own:
            yield frame, matrix


def rigid(dataset: Dataset) -> bool:
    """True where every matrix is said to be rigid and is."""
    for item in dataset.get("RegistrationSequence") or []:
        for part in item.get("MatrixRegistrationSequence") or []:
            for one in part.get("MatrixSequence") or []:
                matrix = np.array(one.get("FrameOfReferenceTransformationMatrix") or [], dtype=float)
                if one.get("FrameOfReferenceTransformationMatrixType") != "RIGID" or matrix.size != 16:
                    return False
                turn = matrix.reshape(4, 4)[:3, :3]
                if not np.allclose(turn.T @ turn, np.eye(3), atol=RIGID) or np.linalg.det(turn) < 0:
                    return False
    return bool(dataset.get("RegistrationSequence"))
