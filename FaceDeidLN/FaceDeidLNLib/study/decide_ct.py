"""Which CT of a frame of reference decides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..anatomy.landmark.detect import detect_landmarks
from ..core.errors import Cancelled, FaceDeidError
from ..core.landmarks import Landmarks
from ..core.progress import Alive, idle
from ..core.shortage import shortage
from ..face.styles import STYLES
from ..input.ct import read_ct
from ..input.plausible import MIN_SLICES
from ..stacks import MAX_GAP_MM
from ..verify.coverage import MIN_CONFIDENCE
from .family import Series, Study
from .no_volume import by_header
from .staging import staged

#: A field of view that is smaller than this (mm) from side to side or from front to back cuts through the head: what is cut lies so close
#: to the face that its region cannot be judged there.
HEAD_MM = 160.0
#: Slices that are so many times further apart than most of their series have others missing between them.
MISSING = 1.5


def deciding_series(frame: str, study: Study) -> Series | None:
    """The CT that decides in a frame of reference: of those with most landmarks of the whole face in view one as wide as a head, without
    missing slices, an original, of finest voxels.

    Only where there is a choice are voxels read, in that order, and no further than the first that shows the whole face.
    """
    if frame not in study.deciding:
        study.deciding[frame] = _chosen(frame, study)
    return study.deciding[frame]


def _chosen(frame: str, study: Study) -> Series | None:
    of_frame = [series for series in study.series if series.family == "ct" and series.frame == frame]
    candidates = [series for series in of_frame if _told_by(_may_be_volume, series)]
    if len(candidates) > 1:
        candidates = [series for series in candidates if _told_by(_rank, series)] or candidates[:1]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    best, most = candidates[0], -1
    for series in sorted(candidates, key=_rank):
        seen = landmarks_in_view(series, study.alive)
        if seen > most:
            best, most = series, seen
        if seen == len(STYLES["full"].covers):
            break
    return best


def _told_by(look: Callable[[Series], object], series: Series) -> object:
    """What a ``look`` at the headers of a series tells; None where damaged ones break it, which is no reason to withhold another series."""
    try:
        return look(series)
    except Exception as error:  # whoever decides on the series itself says so
        if shortage(error):
            raise
        return None


def _may_be_volume(series: Series) -> bool:
    return any(by_header(instance, series, MIN_SLICES) is None for instance in series.instances)


def _rank(series: Series) -> tuple[bool, bool, bool, float]:
    derived = series.instances[0].words("ImageType")[:1] == ("DERIVED",)
    return not is_wide(series), lacks_slices(series), derived, voxel_mm3(series)


def is_wide(series: Series) -> bool:
    """True where by the headers the field of view is as wide and as deep as a head; False where they do not tell."""
    places = [instance.header.get("ImagePositionPatient") for instance in series.instances]
    keywords = ("ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
    axes, spacing, rows, columns = (series.instances[0].header.get(keyword) for keyword in keywords)
    if any(one is None for one in (*places, axes, spacing, rows, columns)):
        return False
    right, down = np.array(axes, dtype=float).reshape(2, 3) * [[spacing[1] * columns], [spacing[0] * rows]]
    corners = [np.array(places, dtype=float) + side for side in (0 * right, right, down, right + down)]
    return bool(np.ptp(np.concatenate(corners), axis=0)[:2].min() >= HEAD_MM)


def voxel_mm3(series: Series) -> float:
    """Volume of a voxel by the headers; infinite where they do not tell."""
    gaps, spacing = _gaps_mm(series), series.instances[0].header.get("PixelSpacing")
    if not len(gaps) or spacing is None:
        return float("inf")
    return float(np.median(gaps) * spacing[0] * spacing[1]) or float("inf")


def lacks_slices(series: Series) -> bool:
    """True where by the headers two slices lie too far apart to judge what is between them, and further than the others."""
    gaps = _gaps_mm(series)
    return len(gaps) > 0 and float(gaps.max()) > max(MAX_GAP_MM, MISSING * float(np.median(gaps)))


def _gaps_mm(series: Series) -> np.ndarray:
    """How far slices lie from the next ones by the headers; empty where these do not tell."""
    places = [instance.header.get("ImagePositionPatient") for instance in series.instances]
    axes = series.instances[0].header.get("ImageOrientationPatient")
    if any(place is None for place in places) or axes is None:
        return np.zeros(0)
    rows = np.array(axes, dtype=float).reshape(2, 3)
    return np.diff(np.sort(np.array(places, dtype=float) @ np.cross(rows[0], rows[1])))


def landmarks_in_view(series: Series, alive: Alive = idle) -> int:
    """How many landmarks of the whole face are found in it with some certainty; -1 where it cannot be read."""
    found = landmarks_of(series, alive)
    return -1 if found is None else sum(found.confidence(name) >= MIN_CONFIDENCE for name in STYLES["full"].covers)


def landmarks_of(series: Series, alive: Alive = idle) -> Landmarks | None:
    """The landmarks found in a series; None where it cannot be read."""
    if "landmarks" not in series.known:
        series.known["landmarks"] = _detected(series, alive)
    return series.known["landmarks"]


def _detected(series: Series, alive: Alive) -> Landmarks | None:
    try:
        with staged(series.instances) as folder:
            return detect_landmarks(read_ct(folder).volume, alive)
    except Cancelled:
        raise
    except FaceDeidError:
        return None
