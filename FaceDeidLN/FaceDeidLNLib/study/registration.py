"""Spatial registrations: rigid ones are kept, and lead from other frames of reference to the face."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from .family import Done, Series, Study, StudyRun
from .outcome import Decision, Outcome
from .pictures import remove_pictures
from .whole import whole_of

KEEPS = "a rigid registration: kept, references to the new instances"
NOT_RIGID = "its matrix is missing or not rigid, so that it leads nowhere or may have been drawn from the face"
#: A rotation's columns are perpendicular unit vectors to this.
RIGID = 1e-3
#: Two registrations are the same where they agree to this (mm) at places so far (mm) from the origin.
SAME_MM, REACH_MM = 0.5, 200.0


class RegistrationFamily:
    """Spatial Registration (not the deformable one)."""

    name, shows_nothing = "registration", True

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Keep what is rigid."""
        return tuple(
            Decision(Outcome.KEEP, KEEPS) if rigid(whole_of(instance.path)) else Decision.withhold(NOT_RIGID)
            for instance in series.instances
        )

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Write them, and note where they lead."""
        for instance in series.instances:
            dataset = whole_of(instance.path)
            matrices = dict(frames(dataset))
            for frame, matrix in matrices.items():
                for other, back in matrices.items():
                    if frame and other and frame != other:
                        run.links.setdefault((frame, other), []).append(np.linalg.inv(back) @ matrix)
            remove_pictures(dataset)
            run.writer.put(instance, dataset)
        run.registered.clear()
        run.registered.update(ways(run))
        return (Done(series.instances, Decision(Outcome.KEEP, KEEPS)),)


def ways(run: StudyRun) -> dict[str, tuple[str, np.ndarray]]:
    """From each frame of reference the shortest way, over any number of registrations, to one in which a face was hidden.

    Two registrations of the same two frames that disagree lead nowhere.
    """
    found: dict[str, tuple[str, np.ndarray]] = {frame: (frame, np.eye(4)) for frame in run.hidden}
    links = {pair: matrices[0] for pair, matrices in run.links.items() if _agree(matrices)}
    reached = list(found)
    for there in reached:  # grows while it is gone through: nearest first
        goal, rest = found[there]
        for (frame, other), matrix in links.items():
            if other == there and frame not in found:
                found[frame] = (goal, rest @ matrix)
                reached.append(frame)
    return {frame: way for frame, way in found.items() if frame not in run.hidden}


def _agree(matrices: list[np.ndarray]) -> bool:
    """True where matrices (4, 4) take the corners of a cube around the origin to the same places."""
    cube = np.array([(x, y, z, 1.0) for x in (-REACH_MM, REACH_MM) for y in (-REACH_MM, REACH_MM) for z in (-REACH_MM, REACH_MM)]).T
    return all(np.abs((matrix - matrices[0]) @ cube).max() <= SAME_MM for matrix in matrices)


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
    """True where every frame of reference has a matrix, and every matrix is said to be rigid and is."""
    items = dataset.get("RegistrationSequence") or []
    of_items = [
        [one for part in item.get("MatrixRegistrationSequence") or [] for one in part.get("MatrixSequence") or []] for item in items
    ]
    return bool(items) and all(matrices and all(map(_is_rigid, matrices)) for matrices in of_items)


def _is_rigid(one: Dataset) -> bool:
    matrix = np.array(one.get("FrameOfReferenceTransformationMatrix") or [], dtype=float)
    if one.get("FrameOfReferenceTransformationMatrixType") != "RIGID" or matrix.size != 16:
        return False
    turn, last = matrix.reshape(4, 4)[:3, :3], matrix[12:]
    is_placed = bool(np.isfinite(matrix).all()) and np.allclose(last, (0.0, 0.0, 0.0, 1.0), atol=RIGID)
    return is_placed and np.allclose(turn.T @ turn, np.eye(3), atol=RIGID) and np.linalg.det(turn) > 0
