"""The last gate: what may leave, and under which conditions it does."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .core.errors import InputError
from .input.case import CtInput
from .input.images import image_extension
from .output.images import require_writable, write_image
from .pipeline import CaseResult
from .verify.privacy import RECOGNISABLE
from .verify.verdict import Verdict

CERTIFICATE_ENDING = ".certificate.json"
#: What a person must know before saying yes to a combination that did not pass the attack benchmark.
RECOGNISABLE_SENTENCE = (
    "this combination of region and effect has not passed the project's attack benchmark, so the person may still be recognised: "
    "release it with --accept-recognisable only where that is acceptable"
)


@dataclass(frozen=True)
class Place:
    """Where a release goes: the output, whether something there may be replaced, and what must not be touched."""

    output: Path
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()


def certificate_path(output: Path) -> Path:
    """Where the certificate of an output stands: beside it, ``<name>.certificate.json``."""
    stem = output.name[: len(output.name) - len(image_extension(output) or "")]
    return output.with_name(stem + CERTIFICATE_ENDING)


def require_kind(ct: CtInput, output: Path) -> None:
    """The output is of the input's kind: a folder for a DICOM folder, an image file that holds the geometry for an image file.

    :raises InputError: where it is not.
    """
    if ct.kind != "dicom":
        require_writable(ct, output)
    elif image_extension(output) is not None or output.is_file():
        raise InputError(f"The input is a DICOM folder, so the output is a folder too, and {output.name} names a file.")


def refusal_sentence(result: CaseResult, accept_recognisable: bool) -> str | None:
    """Why a result is not released; None where it may be."""
    if result.verdict is not Verdict.PASS:
        return f"the verdict is {result.verdict.value}"
    if result.privacy == RECOGNISABLE and not accept_recognisable:
        return RECOGNISABLE_SENTENCE
    return None


def release(ct: CtInput, result: CaseResult, place: Place, accept_recognisable: bool) -> None:
    """Write the output and its certificate, each under a temporary name that is renamed when it is complete and read back.

    :raises ValueError: the result may not be released (see ``refusal_sentence``).
    :raises InputError: the place is taken. :raises OutputError: it could not be written.
    """
    refusal = refusal_sentence(result, accept_recognisable)
    if refusal is not None or result.result is None:
        raise ValueError(f"not to be released: {refusal}")
    write_image(ct, result.result, place.output, place.overwrite, place.inputs)


def remove_released(output: Path) -> None:
    """Take a release back, certificate first; a folder goes only with a certificate beside it, so that nobody's own folder does."""
    certificate = certificate_path(output)
    if output.is_dir() and certificate.exists():
        shutil.rmtree(output)
    elif output.is_file():
        output.unlink()
    certificate.unlink(missing_ok=True)
