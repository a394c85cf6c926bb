"""The last gate: what may leave, and under which conditions it does."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import SimpleITK as sitk

from . import __version__
from .case.judge import verify
from .case.records import CaseResult
from .clearance import NOT_SIGNED, RECOGNISABLE_REASON, Clearance, Judged, SignOff, clear
from .core.errors import InputError
from .core.memory import give_back
from .core.progress import Alive, idle
from .core.volume import Volume
from .effect.choices import told
from .facts import certificate_facts, privacy_said
from .header.base import HeaderPolicy, KeepHeader
from .header.segment_names import without_names
from .input.case import CtInput
from .input.images import image_extension
from .output.atomic import Companion
from .output.certificate import certificate_path, certificate_text, is_certified, output_sha256, require_own_certificate
from .output.destination import Destination
from .output.images import require_writable, write_image
from .output.leftovers import time_there
from .output.representable import representable
from .output.signing import signed_text
from .stacks import on_slices, released_volume
from .verify.kept_padding import padding_doubts
from .verify.masked_background import mask_doubts
from .verify.privacy import is_tested

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .output.dicom import Marks

_HEADER_LIMIT = "Names and dates in the DICOM header are untouched."
#: As said where the option is at hand.
RECOGNISABLE_SENTENCE = f"{RECOGNISABLE_REASON}: release it with --accept-recognisable only where that is acceptable"


def require_kind(ct: CtInput, output: Path) -> tuple[str, ...]:
    """The output is of the input's kind: a folder for a DICOM folder, an image file that holds the geometry for an image file.

    Returns sentences about what of the headers will be left out.

    :raises InputError: where it is not. :raises OutputError: a header cannot be taken over.
    """
    if ct.kind != "dicom":
        require_writable(ct, output)
        return ()
    if image_extension(output) is not None or output.is_file():
        raise InputError(f"The input is a DICOM folder, so the output is a folder too, and {output.name} names a file.")
    from .output.dicom_header import require_headers

    return require_headers(ct)


def judged(result: CaseResult, accept_recognisable: bool, said: SignOff = NOT_SIGNED) -> Judged:
    """What the release rule looks at in a case."""
    return Judged(result.verdict.value, tuple(result.reasons), privacy_said(result), accept_recognisable, said.remark, said.reviewer)


def refusal_sentence(result: CaseResult, accept_recognisable: bool, said: SignOff = NOT_SIGNED) -> str | None:
    """Why a result is not released; None where it may be."""
    refusal = judged(result, accept_recognisable, said).refusal
    return RECOGNISABLE_SENTENCE if refusal == RECOGNISABLE_REASON else refusal or None


def as_stored(ct: CtInput, result: CaseResult) -> CaseResult:
    """The result as the input's kind can store it (DICOM has whole numbers of few bits; padding stays), verified where that differs."""
    if result.result is None:
        return result
    looked = _with_padding_looked_at(ct, result)
    if ct.stack is not None:
        return on_slices(ct, looked)
    stored = representable(ct, looked.result)
    if stored is result.result and looked is result:
        return result
    return verify(ct.volume, replace(looked, result=stored))


def judged_with_padding(ct: CtInput, result: CaseResult) -> CaseResult:
    """The verdict on a result that stays as somebody made it, with what there is to say of padding before the face."""
    if result.result is None:
        return result
    looked = _with_padding_looked_at(ct, result)
    return result if looked is result else verify(ct.volume, looked)


def _with_padding_looked_at(ct: CtInput, result: CaseResult) -> CaseResult:
    """The case with what there is to say of padding or a mask's end before the face; ``result`` itself where there is nothing."""
    padding, anatomy = ct.padding_worked_on, result.anatomy
    said = (*padding_doubts(padding, ct.volume.geometry, result.face), *mask_doubts(padding, ct.volume, result.result, result.face))
    found = tuple(sentence for sentence in said if sentence not in anatomy.unhidden)
    if not found:
        return result
    return replace(result, anatomy=replace(anatomy, doubts=(*found, *anatomy.doubts), unhidden=(*anatomy.unhidden, *found)))


def release(ct: CtInput, result: CaseResult, destination: Destination, accept_recognisable: bool, said: SignOff = NOT_SIGNED) -> None:
    """Write certificate and output, in this order, each under a temporary name that it loses when it is complete.

    The output is read back and compared before it gets its name, so an output that is there is whole and has its
    certificate.

    :raises NotReleasedError: the result may not be released (see ``refusal_sentence``).
    :raises InputError: the place is taken. :raises OutputError: it could not be written.
    """
    write_released(ct, clear(judged(result, accept_recognisable, said), released_volume(result), case_content(result)), destination)


def write_released(ct: CtInput, cleared: Clearance, destination: Destination, alive: Alive = idle) -> None:
    """``release`` for a result that passed the gate; raises the same errors.

    ``alive`` is called while it writes; nothing is left where it raises.
    """
    if not isinstance(cleared, Clearance):
        raise TypeError("only what clear() permits is written")
    volume, case = cleared.volume, cleared.case
    give_back()

    def write(partial: Path, certificate: Path) -> None:
        require_own_certificate(destination.output, destination.overwrite)
        text = certificate_text(content(ct, volume, case, partial, destination.header))
        certificate.write_text(signed_text(text, destination.signing_key), encoding="utf-8")

    companion = Companion(certificate_path(destination.output).absolute(), write)
    if ct.kind != "dicom":
        write_image(ct, volume, destination.output, destination.overwrite, destination.inputs, companion, alive)
    else:
        from .output.dicom import write_dicom_series

        header, inputs = destination.header, destination.inputs
        write_dicom_series(ct, volume, destination.output, _marks(case), destination.overwrite, inputs, companion, alive, header)


def cleared_slices(ct: CtInput, cleared: Clearance) -> Iterator[tuple[Path, Dataset]]:
    """Each file of a DICOM CT with the data set that may stand for it, for whoever writes and checks a whole study.

    Names and dates are kept; instances and series have UIDs of nobody.

    :raises OutputError: a header cannot be taken over, or what would be said of the case may describe the face.
    """
    from .output.dicom import derived_slices

    if not isinstance(cleared, Clearance):
        raise TypeError("only what clear() permits is written")
    certificate_text({**cleared.case, "output": {}})
    yield from derived_slices(ct, cleared.volume, _marks(cleared.case), KeepHeader())


def _marks(case: dict[str, Any]) -> Marks:
    from .output.dicom import Marks

    return Marks(_derivation(case), is_tested(case["privacy"]))


def _derivation(case: dict[str, Any]) -> str:
    parameters = case["parameters"]
    region = "+".join([parameters["style"], *(name for name in ("ears", "lips") if parameters[name])])
    how = f"region {region}, effect {parameters['effect']}, privacy {case['privacy']}"
    return f"FaceDeidLN {__version__}: face de-identified, {how}"


def case_content(result: CaseResult) -> dict[str, Any]:
    """What the certificate says (schema: output.certificate) of a case, without what only the written output shows."""
    facts = certificate_facts(result)
    return {
        "software": software(),
        "parameters": told(result.parameters),
        "protected": facts.pop("protected"),
        **{name: facts.pop(name) for name in ("verdict", "reasons", "privacy", "seconds")},
        "checks": {name: value for name, value in facts.items() if name not in ("style", "effect")},
    }


def content(ct: CtInput, volume: Volume, case: dict[str, Any], written: Path, header: HeaderPolicy) -> dict[str, Any]:
    """What the certificate says of an output that is complete under a temporary name; ``case`` as in ``Clearance``."""
    facts = {**case, "output": output_facts(ct, volume, written)}
    limits = case.get("limits", [])
    if ct.kind != "dicom":
        return {**facts, "limits": limits}
    kept = isinstance(header, KeepHeader)
    facts |= {name: without_names(facts[name], header) for name in ("protected", "reasons", "checks")}
    return {**facts, "header": header.facts(), "limits": [*limits, *[_HEADER_LIMIT] * kept]}


def output_facts(ct: CtInput, result: Volume, written: Path) -> dict[str, Any]:
    """Kind, type, size and hashes of the output."""
    return {
        "kind": ct.kind if ct.kind == "dicom" else image_extension(written),
        "scalar_type": str(result.array.dtype),
        "size": list(result.array.shape[::-1]),
        "spacing_mm": [round(step, 6) for step in result.geometry.spacing],
        "sha256": output_sha256(written),
    }


def software() -> dict[str, str]:
    """The versions that made the result."""
    libraries = {module.__name__: module.__version__ for module in (np, scipy)}
    libraries["pydicom"] = version("pydicom")  # it may not have been needed
    return {"FaceDeidLN": __version__, "Python": platform.python_version(), **libraries, "SimpleITK": sitk.Version.VersionString()}


def remove_released(output: Path) -> None:
    """Take a release back with its certificate; what is not the certificate's own output is nobody's to delete here."""
    if is_certified(output):
        if output.is_dir():
            shutil.rmtree(output)
        else:
            output.unlink()
    if not output.exists():
        certificate_path(output).unlink(missing_ok=True)


class Watch:
    """Tells whether an output was released since this object was made."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._before = self._certificate()

    def has_released(self) -> bool:
        """The output is there with a certificate of its own that was not there before."""
        return self._certificate() != self._before and is_certified(self.output)

    def _certificate(self) -> tuple[int, bytes] | None:
        try:
            path = certificate_path(self.output)
            return path.stat().st_mtime_ns, path.read_bytes()
        except OSError:
            return None


def released_words(watches: Iterable[Watch]) -> str:
    """Which outputs were released since they are watched, in words; empty where none was."""
    there = [str(watch.output) for watch in watches if watch.has_released()]
    if not there:
        return ""
    return f"{', '.join(there)} had been released with {'its certificate' if len(there) == 1 else 'their certificates'}"


class AttemptWatch(Watch):
    """As ``Watch``, for an attempt at a case that may end, or be made by another machine, without telling what it wrote."""

    def __init__(self, output: Path) -> None:
        super().__init__(output)
        self._begun_ns = time_there(certificate_path(output))

    def has_new_certificate(self) -> bool:
        """A certificate was written since, and not only brought back from a run that was killed while it replaced the output."""
        now = self._certificate()
        return now is not None and now != self._before and (self._begun_ns is None or now[0] >= self._begun_ns)
