"""The certificate beside an output: what was done and what was checked, and nothing of the original face.

Schema ``facedeidln-certificate/1``, a JSON object with sorted keys:

=============== ======================================================================================================
``schema``      "facedeidln-certificate/1"
``software``    object: versions of the project, Python and the libraries
``parameters``  object: style, effect and every length (mm) and value (HU) of the run; never the seed of a random draw
``output``      object: kind, scalar type, size in voxels, spacing in mm, SHA-256 of the output file or of each slice
``protected``   list of objects: name (as it was given), voxels ("some" or "none") and changed voxels of each protected segment
``checks``      object: what the verdict rests on (changed outside the face segment ...), figures of the head in classes, and
                ``privacy_causes``: which conditions of the class "tested" are not met
``verdict``     "PASS", with ``reasons`` a list of sentences
``privacy``     "tested: " with the attackers that were resisted (verify.privacy), or "recognisable"
``limits``      list of sentences: what was not done (names and dates in a DICOM header)
``seconds``     object: seconds per step, to one digit
``header``      object: what was done to DICOM headers: profile, edition of the standard's table, options, counts per action
``signature``   "unsigned", or the signature of the rest (see ``output.signing``, which adds it)
=============== ======================================================================================================

``schema``, ``software``, ``parameters``, ``output``, ``protected``, ``checks``, ``verdict``, ``reasons`` and
``privacy`` are always there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.ahead import shared_out
from ..core.errors import InputError, OutputError
from ..core.landmarks import LANDMARK_NAMES
from ..core.plain_files import open_plain, read_plain_text
from ..input.images import image_extension

SCHEMA = "facedeidln-certificate/1"
#: ... and of a study's, which lies beside the study's folder.
STUDY_SCHEMA = "facedeidln-study/1"
ENDING = ".certificate.json"
REQUIRED = frozenset({"software", "parameters", "output", "protected", "checks", "verdict", "reasons", "privacy"})
ALLOWED = REQUIRED | {"schema", "limits", "seconds", "header", "signature"}
#: Words in a key that stand for something of the original face, of the source, or a way back to it ...
FORBIDDEN_WORDS = frozenset({"position", "positions", "seed", "input", "original", "source", "patient", "frame", *LANDMARK_NAMES})
#: ... and those that may count something, but not describe it.
COUNTED_WORDS = frozenset({"landmark", "landmarks", "curve"})
#: The keys that lead to a value.
Keys = tuple[str, ...]
_HASH = re.compile(r"\b[0-9a-fA-F]{32,}\b")


@dataclass(frozen=True)
class Told:
    """What a kind of certificate tells: by the keys that lead to a value, where figures may stand, and where hashes.

    A figure of the head would be nearly the same for every scan of it.
    """

    figures: Callable[[Keys], bool]
    hashes: Callable[[Keys], bool]


_OF_ONE_IMAGE = Told(
    lambda where: where[:1] not in (("protected",), ("checks",)), lambda where: where[:1] == ("output",) or where == ("protected", "name")
)


def certificate_path(output: Path) -> Path:
    """Where the certificate of an output stands: beside it, ``<name without extension>.certificate.json``."""
    output = named(Path(output))
    extension = image_extension(output) or ""
    return output.with_name(output.name[: len(output.name) - len(extension)] + ENDING)


def named(path: Path) -> Path:
    """The path by a name that others can stand beside: a folder that is "." has one where it lies, the root of a disk has none.

    :raises InputError: there is none.
    """
    path = path if path.name else path.absolute()
    if not path.name:
        raise InputError(f"{path} is the root of a disk, beside which nothing can stand: name a file or folder in it.")
    return path


def certificate_text(content: Mapping[str, Any]) -> str:
    """The certificate as JSON text: the same content gives the same bytes.

    ``content`` holds the keys of the schema in this module's description; ``schema`` itself is added.

    :raises OutputError: a key is missing or unknown, a key or hash that may describe the original face, or NaN.
    """
    missing, unknown = REQUIRED - set(content), set(content) - ALLOWED
    if missing or unknown:
        raise OutputError(f"The certificate lacks {sorted(missing)} and has unknown keys {sorted(unknown)}: nothing was written.")
    return harmless_text({**content, "schema": SCHEMA}, _OF_ONE_IMAGE)


def harmless_text(content: Mapping[str, Any], told: Told) -> str:
    """A certificate of any kind as JSON text.

    :raises OutputError: it holds a key, figure or hash that may describe the original face, or NaN.
    """
    plain = _plain(content, (), told)
    try:
        return json.dumps(plain, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    except ValueError as error:
        raise OutputError(f"The certificate holds a value that is not a number ({error}): nothing was written.") from error


def is_certified(output: Path) -> bool:
    """The output is there, and the SHA-256 in the certificate beside it is its own: of the file, or of each file of the folder."""
    try:
        certificate = json.loads(read_plain_text(certificate_path(output)))
        if certificate["schema"] == STUDY_SCHEMA:
            return bool(certificate["files"]) and certificate["files"] == tree_sha256(output)
        said = certificate["output"]["sha256"] if certificate["schema"] == SCHEMA else None
        return bool(said) and said == output_sha256(output)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def require_own_certificate(output: Path, overwrite: bool) -> None:
    """No other output (ct.nii.gz beside ct.nrrd) has the certificate that this one will have; one without output may be replaced.

    A folder is replaced only where its certificate says that it is a release: it may be somebody's originals.

    :raises InputError: otherwise.
    """
    certificate = certificate_path(output)
    if certificate.is_dir() and not certificate.is_symlink():  # whatever lies in it is nobody's to delete here
        raise InputError(f"{certificate} is a folder, and the certificate of {output.name} would stand there: name another output.")
    if output.is_dir() and any(output.iterdir()) and not is_certified(output):
        raise InputError(f"{output} is not what a certificate beside it says was released, and is not replaced: name another folder.")
    if overwrite or not certificate.exists():
        return
    for other in certificate.parent.iterdir():
        if other != certificate and other.name != output.name and certificate_path(other) == certificate:
            raise InputError(f"{certificate.name} belongs to {other.name}: name another output, or give --overwrite.")


def output_sha256(output: Path) -> str | dict[str, str]:
    """The SHA-256 of an output: of the file, or of every file of the folder by its name."""
    if output.is_dir():
        files = sorted(output.iterdir())
        return dict(zip([file.name for file in files], shared_out(file_sha256, files), strict=True))  # hashing lets other threads run
    return file_sha256(output)


def tree_sha256(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder by its place in it.

    :raises OSError: something is neither file nor folder, or a link to a folder, in which anything may lie.
    """
    there = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in there}


def certificate_hash(output: Path) -> str:
    """A short hash of the certificate beside an output; empty where there is none."""
    try:
        return hashlib.sha256(certificate_path(output).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def file_sha256(path: Path) -> str:
    """SHA-256 of a plain file, in hexadecimal. Raises OSError where it is none."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _plain(value: object, where: Keys, told: Told) -> object:
    """The value in JSON's own types, every key and string checked."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _require_harmless(str(key), item, where)
        return {str(key): _plain(item, (*where, str(key)), told) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where, told) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item(), where, told)
    if isinstance(value, str):
        if _HASH.search(value) and not told.hashes(where):
            raise OutputError(
                f"The certificate may hold hashes of the output only, and there is one under {'.'.join(where)}: nothing was written."
            )
        return value
    if value is None or isinstance(value, (bool, int, float)):
        if value and not isinstance(value, bool) and not told.figures(where):
            raise OutputError(
                f"The certificate tells figures of a head in classes only, and has one under {'.'.join(where)}: nothing was written."
            )
        return value
    raise OutputError(f"The certificate cannot hold {type(value).__name__} (under {'.'.join(where)}): nothing was written.")


def _require_harmless(key: str, value: object, where: tuple[str, ...]) -> None:
    """Refuse a key that names something of the original face; seconds, counts and files of the output say nothing of it."""
    if where == ("files",):
        return
    words = {key.lower(), *re.split(r"[^a-z0-9]+", key.lower())}
    is_count = isinstance(value, (int, np.integer)) or (where == ("seconds",) and isinstance(value, float))
    if words & FORBIDDEN_WORDS or (words & COUNTED_WORDS and not is_count):
        raise OutputError(f"The certificate must not describe the original face, and has '{'.'.join((*where, key))}': nothing was written.")
