"""Read a CT from a DICOM folder or an image file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..core.errors import InputError
from .calibration import as_worked_on, calibrated, in_own_values
from .case import CtInput
from .images import IMAGE_EXTENSIONS, image_extension, image_header, read_volume
from .packed import packed_apart
from .padding import without_padding
from .plausible import require_content, require_ct, require_grid

#: The two files of a pair, whose places are not read here.
_PAIR = (".hdr", ".img")


def read_ct(path: Path, series: str | None = None, by_hand: bool = False) -> CtInput:
    """The CT in HU with its geometry (LPS mm; any axis order, flip, oblique axes, gantry tilt).

    :param path: a DICOM folder, one file of a series (for the series in its folder that it belongs to), or a .nrrd/.nhdr,
        .nii/.nii.gz or .mha/.mhd file.
    :param series: the SeriesInstanceUID to take where a DICOM folder holds several CT series.
    :param by_hand: a person placed the landmarks, so that values may be no HU, as those of a cone beam: they are calibrated.
    :raises InputError: the input is missing, damaged, no CT in HU, or needs a choice; the message says which.
    """
    ct = read_values(path, series)
    ct = calibrated(ct, series) if by_hand else ct
    require_ct(ct.volume, ct.path.name, ct.outside)
    return ct


def read_values(path: Path, series: str | None = None) -> CtInput:
    """As ``read_ct``, where the values may be no HU.

    :raises InputError: the input is missing, damaged, no CT by its header, or needs a choice; the message says which.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if _is_dicom(path):
        from .dicom import read_dicom_series

        return read_dicom_series(path, series)
    if series is not None:
        raise InputError(f"A series can be chosen in a DICOM folder only, and {path.name} is a file.")
    if image_extension(path) is None:
        raise _of_no_kind(path)
    _require_ct_header(path)
    volume, padding = without_padding(read_volume(path))
    return CtInput(volume, path, str(image_extension(path)), (path,), padding=padding)


def read_result(path: Path, ct: CtInput) -> CtInput:
    """What somebody made of a CT, in HU as the CT is: by its calibration, and with air where it has the CT's padding.

    :raises InputError: as ``read_ct``.
    """
    found = read_values(path)
    if found.kind == "dicom" and ct.calibration is not None:
        from .dicom import read_dicom_series

        return read_dicom_series(path, calibration=ct.calibration)
    if found.kind != "dicom" and found.volume.array.shape == ct.volume.array.shape and ct.kind != "dicom":
        found = replace(found, volume=as_worked_on(ct, in_own_values(found, found.volume)), padding=ct.padding)
    require_ct(found.volume, found.path.name, found.outside)
    return found


def _of_no_kind(path: Path) -> InputError:
    """The sentence for a file that is no image file and no DICOM, with what to do where that is known."""
    if path.suffix.lower() in _PAIR:
        return InputError(f"{path.name} is one of two files (.hdr and .img of NIfTI or Analyze): save them as one .nii.gz or .nrrd.")
    if packed_apart([path])[0]:
        return InputError(f"{path.name} is packed: unpack it, and give the folder or the image file.")
    kinds = ", ".join(IMAGE_EXTENSIONS)
    return InputError(f"{path.name} cannot be read: give a DICOM folder or one of its files, or one of {kinds}.")


def _is_dicom(path: Path) -> bool:
    """A folder, or a DICOM file; what is an image file by its name is read as that, and without pydicom."""
    if path.is_dir() or image_extension(path) is not None or not path.is_file():
        return path.is_dir()
    from .dicom_files import is_dicom

    return is_dicom(path)


def _require_ct_header(path: Path) -> None:
    """Refuse, before a voxel is read, a file whose header tells of no CT, or of more than such a file can hold of one."""
    header = image_header(path)
    require_grid(header.geometry, path.name)
    require_content(header.data.stat().st_size, header.bytes, path.name)
