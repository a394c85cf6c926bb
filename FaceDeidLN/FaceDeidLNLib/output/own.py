"""Is what lies under an output's name a batch's own release, made by a person? The batch asks, and so does the panel for its list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import FaceDeidError, InputError
from ..core.volume import Volume
from ..header.base import HeaderPolicy
from .certificate import SCHEMA, STUDY_SCHEMA, certificate_hash, certificate_path, is_certified
from .signing import is_signed_by, read_certificate

#: What is no air, in HU; of it at most this share may have changed. A face is less, and two CTs have the same value at few places.
_BODY_HU, _MOST_CHANGED = -300.0, 0.5
#: What is said of one that was not made of the case's input, or with another key.
OTHER_INPUT = "it was not made from the input of its case, or its header was cleaned with another key"


@dataclass(frozen=True)
class Manner:
    """How a batch's releases are made: what is done to their headers (None: not known), and the key that signs them.

    ``signer`` is as ``signing.public_text`` gives it, empty where anybody may sign; ``schema`` that of the certificates.
    """

    header: HeaderPolicy | None
    signer: str = ""
    schema: str = SCHEMA


def why_not_own(output: Path, left: str, manner: Manner) -> str | None:
    """Why what was released under an output's name is not the batch's own, by its certificate; empty where it is.

    None: nothing was, since there lay a certificate with the hash ``left``.
    """
    if not output.exists() or certificate_hash(output) in ("", left):
        return None
    if not is_certified(output):
        return "it is not what its certificate says"
    try:
        certificate = read_certificate(certificate_path(output))
    except InputError:
        return "its certificate cannot be read"
    if certificate["schema"] != manner.schema:
        return "it is a study" if certificate["schema"] == STUDY_SCHEMA else "it is no study"
    said = certificate.get("headers" if manner.schema == STUDY_SCHEMA else "header") or {}
    wanted = {} if manner.header is None or not said else manner.header.facts()
    if wanted and any(said.get(name) != wanted.get(name) for name in ("profile", "options")):
        return "its DICOM headers were treated in another way than this batch's"
    is_signed = not manner.signer or is_signed_by(certificate_path(output), manner.signer)
    return "" if is_signed else "its certificate is not signed with this batch's key"


def is_made_of(ct: Path, series: str, output: Path, header: HeaderPolicy | None) -> bool:
    """Most voxels of an output are those of a CT, and its study has the UID that ``header`` gives to the CT's."""
    try:
        (before, study), (after, became) = _read(ct, series or None), _read(output)
    except (FaceDeidError, OSError):
        return False
    is_renamed = header is not None and bool(study and became) and became != header.uid(study)
    return not is_renamed and _has_its_voxels(before, after)


def _read(path: Path, series: str | None = None) -> tuple[Volume, str]:
    """A CT and the UID of its study, which only DICOM has."""
    from ..input.dicom import read_dicom_series
    from ..input.images import image_extension, read_volume

    if path.is_file() and image_extension(path):
        return read_volume(path), ""
    import pydicom

    from ..header.values import text_of

    ct = read_dicom_series(path, series)
    header = pydicom.dcmread(ct.files[0], stop_before_pixels=True, specific_tags=["StudyInstanceUID"], force=True)
    return ct.volume, text_of(header, "StudyInstanceUID")


def _has_its_voxels(before: Volume, after: Volume) -> bool:
    if before.array.shape != after.array.shape:
        return False
    body = (before.array > _BODY_HU) | (after.array > _BODY_HU)
    return bool(body.any()) and float(np.mean(before.array[body] != after.array[body])) <= _MOST_CHANGED
