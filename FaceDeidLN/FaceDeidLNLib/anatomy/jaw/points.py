"""The chin's landmarks from a mandible that somebody has drawn, and whether that mandible is this patient's.

Constants: 48 drawn mandibles of the OpenKBP collection (Babier et al., Med Phys 2021;48:5549) and marks made by eye.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.landmarks import Landmark, Landmarks
from ...core.segment import Segment, places, tight
from ...core.volume import AIR_HU, Volume, resample
from ..landmark.shape import NET_LANDMARKS, HeadFrame, robust_frame
from .mandible import mandible_segments

#: A drawn mandible that is narrower than this (mm) is a part of one, and where its middle lies is open.
WIDE_MM = 40.0
#: The symphysis is this wide (mm) to each side, and its lower border this high.
SYMPHYSIS_MM, BORDER_MM = 12.0, 8.0
#: From the symphysis' front and lowest bone to pogonion, from its lower border to menton (head frame: y to the back, z up; mm).
TO_POGONION, TO_MENTON = (-11.1, 3.7), (-3.2, -6.0)
#: Share of the patients in which the point so made lies within 10 mm of the mark (45 and 48 of 48; one less, so that none is certain).
CHIN_CONFIDENCE = {"pogonion": 44 / 48, "menton": 47 / 48}
#: A landmark less certain than this, or missing, is given by the mandible.
SURE = 0.5
#: No chin that was found lies further (mm) from the mandible's than 10 in those 48 patients; half as much again is doubtful.
APART_MM = 15.0
#: The middle of a drawn mandible is bone: at least this share of it is brighter than BONE_HU.
BONE_HU, BONE_SHARE = 150.0, 0.5
#: Fewer points of a drawn mandible at the symphysis show none.
FEWEST = 20


def jaw_landmarks(ct: Volume, found: Landmarks, segments: Sequence[Segment]) -> Landmarks:
    """``found`` (LPS mm) with the chin of a drawn mandible among ``segments`` where none was found with any certainty.

    A pogonion and menton that were found stay: they lie nearer to marks made by eye (median 3.2 and 3.5 mm) than those made from
    a mandible (4.5 and 4.1). So does what a person placed, and the angles of the jaw: those of drawn mandibles, which end where
    contours end, turned the head's frame and cost faces. A mandible that ``jaw_doubts`` speaks against changes nothing.
    Without one ``found`` itself is given back.
    """
    drawn = mandible_segments(segments)
    if not drawn or jaw_doubts(ct, found, segments):
        return found
    points = dict(found.points)
    for name, place in _chin_of(drawn[0], _head(found)).items():
        placed = name in points and points[name].source == "user"
        if not placed and found.confidence(name) < SURE:
            points[name] = Landmark(name, place, CHIN_CONFIDENCE[name], "derived")
    return Landmarks(points)


def jaw_doubts(ct: Volume, landmarks: Landmarks, segments: Sequence[Segment]) -> tuple[str, ...]:
    """What speaks against a drawn mandible: no bone in it, or a chin far from the one that was found. Reasons for a REVIEW."""
    drawn = mandible_segments(segments)
    if not drawn:
        return ()
    segment = drawn[0]
    share = _bone_share(ct, segment)
    if share < BONE_SHARE:
        return (f"only {share:.0%} of the segment '{segment.name}' is bone in the CT: it is no mandible of this patient",)
    reasons = []
    for name, place in _chin_of(segment, _head(landmarks)).items():
        if landmarks.confidence(name) < SURE:
            continue
        apart = float(np.linalg.norm(place - landmarks.position(name)))
        if apart > APART_MM:
            reasons.append(f"{name} lies {apart:.0f} mm from where the segment '{segment.name}' puts it: one of the two is wrong")
    return tuple(reasons)


def _head(landmarks: Landmarks) -> HeadFrame:
    """The head frame of the landmarks, each as far as it is certain."""
    weights = np.array([landmarks.confidence(name) for name in NET_LANDMARKS])
    positions = [landmarks.position(name) for name in NET_LANDMARKS]
    return robust_frame(np.array([np.zeros(3) if p is None else p for p in positions]), weights, 10.0)


def _chin_of(segment: Segment, head: HeadFrame) -> dict[str, np.ndarray]:
    """Pogonion and menton (LPS mm) on the skin before and below the drawn symphysis; none where it lacks one."""
    bone = head.to_head(segment.mask.geometry.to_lps(places(segment.mask.array > 0)))
    middle = float(np.median(bone[bone[:, 1] < np.percentile(bone[:, 1], 20), 0]))
    symphysis = bone[np.abs(bone[:, 0] - middle) < SYMPHYSIS_MM]
    if len(symphysis) < FEWEST or np.ptp(bone[:, 0]) < WIDE_MM:
        return {}
    few = max(3, len(symphysis) // 40)
    front, low = np.sort(symphysis[:, 1])[:few].mean(), np.sort(symphysis[:, 2])[:few].mean()
    border = np.sort(symphysis[symphysis[:, 2] < low + BORDER_MM, 1])
    before = (front + border[: max(3, len(border) // 10)].mean()) / 2.0
    points = {
        "pogonion": np.array([middle, before + TO_POGONION[0], low + TO_POGONION[1]]),
        "menton": np.array([middle, np.median(border) + TO_MENTON[0], low + TO_MENTON[1]]),
    }
    return {name: head.to_lps(point) for name, point in points.items()}


def _bone_share(ct: Volume, segment: Segment) -> float:
    """Share of the segment's voxels that are as bright as bone in the CT; the rest is marrow, rim, or no mandible."""
    own = tight(segment.name, segment.mask.array > 0)
    hu = resample(ct, segment.mask.geometry.crop(own.box), order=1, fill=AIR_HU).array
    return float(np.mean(hu[own.array] > BONE_HU))
