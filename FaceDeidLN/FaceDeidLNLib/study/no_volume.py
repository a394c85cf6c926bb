"""Images that are no volume of the head whatever their voxels hold: scouts, projections, renderings, pictures, surveys, fragments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from pydicom.dataset import Dataset

from ..input.dicom_enhanced import PER_FRAME, SHARED
from ..input.dicom_select import image_kind
from .family import Series
from .instances import Instance
from .outcome import Decision

#: Values of Image Type for what was projected or rendered (PS3.3 C.8.16.1.3 and scanners' own words), Series Type of PET (C.8.9.1.1.4) and
#: Volume Based Calculation Technique (C.8.16.2.1.4).
PROJECTED = {
    "MAXIMUM",
    "MINIMUM",
    "MIP",
    "MINIP",
    "MIN_IP",
    "MAX_IP",
    "MEAN",
    "PROJECTION IMAGE",
    "CPR",
    "CURVED",
    "CURVED_MPR",
    "REPROJECTION",
}
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
    "SURFACE_RENDER",
    "VOLUME RENDERING",
}
#: Words of a description, whatever stands between them: "MIP-COR", "sMIP", "Thick MIP(10mm)".
_MIP = r"(MIN|MAX|S|T|M)?(MIP|INIP)S?(\d.*)?|PROJECTION"
_WORDS_OF_MR = re.compile(_MIP + "|VRT|VR|SSD|ROTATION|CINEMATIC|PROJEKTION|PROYECCI[OÓ]N|PROIEZIONE|PROJEÇÃO")
#: In MR "radial" says how a volume was sampled ("T1 radial VIBE"); a range of radial views lies in several directions.
_WORDS = re.compile(_WORDS_OF_MR.pattern + "|RADIAL")
#: The same of a value of Image Type, where a maker's word may stand beside it: "CSA MIP", "MIP_THICK".
_TYPE_WORDS = re.compile(_MIP)
#: Classes whose frames have a flavour (PS3.3 C.8.16.1): enhanced and legacy converted CT, MR and PET.
SAMPLED = {f"1.2.840.10008.5.1.4.1.1.{root}" for root in ("2.1", "2.2", "4.1", "4.4", "128.1", "130")}
#: The first values of Image Type of what a scanner acquired and nobody derived.
ACQUIRED = ("ORIGINAL", "PRIMARY")
#: Images of another kind belong to the volume where more than this share of them lies at places of its slices.
SAME_PLACES = 0.8
#: Said of slices that have a frame of reference each, as some anonymisers give them.
FRAMES = "its slices lie in several frames of reference: where they are one scan, give them one UID, or take it by itself with deface"
#: Slices whose direction cosines differ by more are no one volume.
_TURNED = 0.01


def by_header(instance: Instance, series: Series, fewest: int) -> Decision | None:
    """Why an image is withheld whatever its voxels hold; None where it is not. ``fewest``: slices that a volume has at least."""
    kinds = kinds_of(instance)
    if "LOCALIZER" in kinds:
        return Decision.withhold("a scout: the face in profile is burned into a projection")
    words = _WORDS_OF_MR if instance.text("Modality") == "MR" else _WORDS
    if kinds & PROJECTED or _says(_TYPE_WORDS, kinds) or _says(words, [instance.text("SeriesDescription").upper()]):
        return Decision.withhold("a projection (MIP, curved or rotated view): the face cannot be taken out of it")
    if kinds & RENDERED:
        return Decision.withhold("a rendering: the face cannot be taken out of it")
    if instance.words("PhotometricInterpretation") not in ((), ("MONOCHROME2",), ("MONOCHROME1",)):
        return Decision.withhold("a colour image: a rendering or a picture")
    if instance.words("BurnedInAnnotation") == ("YES",):
        return Decision.withhold("a picture with text burned into it: a screen shot or a page")
    if instance.uid in _pictures(series):
        kind = image_kind(instance.header) or "none"
        return Decision.withhold(
            f"an image of another kind ({kind}) than the slices of its series, where there is no slice: a picture among them"
        )
    if series.beside:
        return Decision.withhold(f"no slice of the stack whose series it is of: {series.beside}")
    if fewest not in series.known:
        series.known[fewest] = _of_series(series, fewest)
    return series.known[fewest]


def _pictures(series: Series) -> frozenset[str]:
    """The images that were stored among the slices of a series: of another kind, and most of that kind where there is no slice.

    Images of two kinds at the same places (in and out of phase beside water and fat, diffusion beside its coefficient) are two volumes.
    """
    if "pictures" not in series.known:
        kinds: dict[str, list[Instance]] = {}
        for instance in series.instances:
            kinds.setdefault(image_kind(instance.header), []).append(instance)
        usual = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
        taken = {_place_of(one) for one in kinds.pop(usual)}
        odd = [members for members in kinds.values() if sum(_place_of(one) in taken for one in members) <= SAME_PLACES * len(members)]
        series.known["pictures"] = frozenset(one.uid for members in odd for one in members)
    return series.known["pictures"]


def _place_of(instance: Instance) -> tuple[float, ...]:
    return tuple(round(float(value), 1) for value in instance.header.get("ImagePositionPatient") or ())


def _says(words: re.Pattern[str], texts: Iterable[str]) -> bool:
    return any(words.fullmatch(word) for text in texts for word in re.findall(r"[^\W_]+", text))


def kinds_of(instance: Instance) -> set[str]:
    """What an image, and each of its frames, is said to be.

    VOLUME as the third value is the flavour of frames that sample a volume evenly (PS3.3 C.8.16.1.3) in objects of ``SAMPLED``, and in
    slices that were acquired, as converters make them of such frames; in others it is a rendering. MEAN of what was acquired is a mean of
    its echoes (multi-echo MPRAGE) or repetitions in each place; of what was derived, one along rays.
    """
    groups = [one for keyword in (SHARED, PER_FRAME) for one in instance.header.get(keyword) or []]
    types = [instance.words("ImageType"), *(types for group in groups for types in _frame_types(group))]
    sampled = instance.sop_class in SAMPLED
    types = [(*one[:2], *one[3:]) if one[2:3] == ("VOLUME",) and (sampled or one[:2] == ACQUIRED) else one for one in types]
    types = [tuple(value for value in one if value != "MEAN") if one[:2] == ACQUIRED else one for one in types]
    return {value for one in types for value in one} | {*instance.words("SeriesType"), *instance.words("VolumeBasedCalculationTechnique")}


def _frame_types(group: Dataset) -> Iterator[tuple[str, ...]]:
    """Frame Type and Volume Based Calculation Technique of a functional group, of whatever modality."""
    for keyword in ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence"):
        for item in group.get(keyword) or []:
            value = item.get("FrameType") or ()
            yield tuple(str(one).upper() for one in ([value] if isinstance(value, str) else value))
            technique = str(item.get("VolumeBasedCalculationTechnique") or "").upper()
            yield (technique,)


def _of_series(series: Series, fewest: int) -> Decision | None:
    """Why nothing of a series is a volume."""
    headers = [instance.header for instance in series.instances]
    if len({instance.frame for instance in series.instances}) > 1:
        return Decision.withhold(FRAMES)
    axes = [header.get("ImageOrientationPatient") for header in headers]
    known = np.array([axis for axis in axes if np.size(axis) == 6], dtype=float).reshape(-1, 6)
    if len(known) and np.abs(known - known[0]).max() > _TURNED:
        return Decision.withhold("a survey: its slices lie in several directions")
    count = max(len(headers), max(int(header.get("NumberOfFrames") or 1) for header in headers))
    if count < fewest:
        slices = "one slice" if count == 1 else f"{count} slices"
        return Decision.withhold(f"a fragment of {slices}, in which no face can be found or ruled out")
    return None
