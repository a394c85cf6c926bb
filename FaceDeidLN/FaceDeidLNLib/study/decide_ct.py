"""Which CT of a frame of reference decides, and which CT images are no volume at all."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..anatomy.landmark.detect import detect_landmarks
from ..core.errors import FaceDeidError
from ..face.styles import STYLES
from ..input.ct import read_ct
from ..input.plausible import MIN_SLICES
from ..verify.coverage import MIN_CONFIDENCE
from .family import Series, Study
from .instances import Instance
from .outcome import Decision
from .staging import staged

#: Values of Image Type for what was projected or rendered (PS3.3 C.8.16.1.3 and scanners' own words).
PROJECTED = {"MAXIMUM", "MINIMUM", "MIP", "MINIP", "MIN_IP", "MAX_IP", "MEAN", "PROJECTION IMAGE", "CPR", "CURVED"}
RENDERED = {
    "VOLUME",
    "VRT",
    "SSD",
    "3D",
    "RENDERED",
    "SURFACE",
    "SHADED",
    "SCREEN SAVE",
    "POSTPROCESSED",
    "VOLUME_RENDER",
    "VOLUME RENDERING",
}
_WORDS = {"MIP", "MINIP", "VRT", "VR", "SSD", "RADIAL", "ROTATION", "CINEMATIC"}


def by_header(instance: Instance, series: Series) -> Decision | None:
    """Why a CT image is withheld whatever its voxels hold; None where it is not."""
    kinds = set(instance.words("ImageType"))
    words = set(instance.text("SeriesDescription").upper().replace("_", " ").replace("/", " ").split())
    if "LOCALIZER" in kinds:
        return Decision.withhold("a scout: the face in profile is burned into a projection")
    if kinds & PROJECTED or words & _WORDS:
        return Decision.withhold("a projection (MIP, curved or rotated view): the face cannot be taken out of it")
    if kinds & RENDERED:
        return Decision.withhold("a rendering: the face cannot be taken out of it")
    if instance.words("PhotometricInterpretation") not in ((), ("MONOCHROME2",), ("MONOCHROME1",)):
        return Decision.withhold("a colour image: a rendering or a picture")
    frames = max(len(series.instances), int(instance.header.get("NumberOfFrames") or 1))
    if frames < MIN_SLICES:
        return Decision.withhold(f"a fragment of {frames} slices, in which no face can be found or ruled out")
    return None


@lru_cache(maxsize=256)
def deciding_series(frame: str, study: Study) -> Series | None:
    """The CT that decides in a frame of reference: of those with most landmarks of the whole face in view the one of finest voxels.

    Only where there is a choice are voxels read, finest first, and no further than the first that shows the whole face.
    """
    candidates = [
        series
        for series in study.series
        if series.family == "ct" and series.frame == frame and any(by_header(instance, series) is None for instance in series.instances)
    ]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    best, most = candidates[0], -1
    for series in sorted(candidates, key=voxel_mm3):
        seen = landmarks_in_view(series)
        if seen > most:
            best, most = series, seen
        if seen == len(STYLES["full"].covers):
            break
    return best


def voxel_mm3(series: Series) -> float:
    """Volume of a voxel by the headers; infinite where they do not tell."""
    places = [instance.header.get("ImagePositionPatient") for instance in series.instances]
    first = series.instances[0].header
    axes, spacing = first.get("ImageOrientationPatient"), first.get("PixelSpacing")
    if any(place is None for place in places) or axes is None or spacing is None or len(places) < 2:
        return float("inf")
    rows = np.array(axes, dtype=float).reshape(2, 3)
    height = np.sort(np.array(places, dtype=float) @ np.cross(rows[0], rows[1]))
    return float(np.median(np.diff(height)) * spacing[0] * spacing[1]) or float("inf")


def landmarks_in_view(series: Series) -> int:
    """How many landmarks of the whole face are found in it with some certainty; -1 where it cannot be read."""
    try:
        with staged(series.instances) as folder:
            found = detect_landmarks(read_ct(folder).volume)
    except FaceDeidError:
        return -1
    return sum(found.confidence(name) >= MIN_CONFIDENCE for name in STYLES["full"].covers)
