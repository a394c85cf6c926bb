"""Read a CT from a DICOM folder or an image file."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from .calibration import calibrated
from .case import CtInput
from .images import IMAGE_EXTENSIONS, image_extension, image_header, read_volume
from .padding import without_padding
from .plausible import require_content, require_ct, require_grid


def read_ct(path: Path, series: str | None = None, by_hand: bool = False) -> CtInput:
    """The CT in HU with its geometry (LPS mm; any axis order, flip, oblique axes, gantry tilt).

    :param path: a DICOM folder, one file of a series (for the series in its folder that it belongs to), or a .nrrd/.nhdr,
        .nii/.nii.gz or .mha/.mhd file.
    :param series: the SeriesInstanceUID to take where a DICOM folder holds several CT series.
    :param by_hand: a person placed the landmarks, so that values may be no HU, as those of a cone beam: they are calibrated.
    :raises InputError: the input is missing, damaged, no CT in HU, or needs a choice; the message says which.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if _is_dicom(path):
        from .dicom import read_dicom_series

        ct = read_dicom_series(path, series)
    elif series is not None:
        raise InputError(f"A series can be chosen in a DICOM folder only, and {path.name} is a file.")
    elif image_extension(path) is None:
        kinds = ", ".join(IMAGE_EXTENSIONS)
        raise InputError(f"{path.name} cannot be read: give a DICOM folder or one of its files, or one of {kinds}.")
    else:
        _require_ct_header(path)
        volume, padding = without_padding(read_volume(path))
        ct = CtInput(volume, path, str(image_extension(path)), (path,), padding=padding)
    ct = calibrated(ct, series) if by_hand else ct
    require_ct(ct.volume, path.name, ct.outside)
    return ct


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
