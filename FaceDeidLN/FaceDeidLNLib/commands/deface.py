"""De-identify one CT: the face goes, the named lymph nodes and everything outside the face segment stay to the bit.

INPUT is a DICOM folder or an image file (.nrrd, .nhdr, .nii, .nii.gz, .mha, .mhd); OUTPUT is a DICOM folder for a DICOM
folder, else an image file (.nrrd, .nii, .nii.gz, .mha).
OUTPUT is written only when the result passes the verification, or a person signed it off; beside it stands its *.certificate.json.
Names and dates in DICOM headers stay unless --header names a profile.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.progress import Progress
from . import options as shared
from .console import FAIL, PASS, REVIEW, Console, Outcome
from .sign_off import add_sign_off, asked_sign_off
from .signals import die_with_parent

if TYPE_CHECKING:
    from ..case.records import CaseResult, Request
    from ..clearance import SignOff
    from ..core.parameters import Parameters
    from ..header.base import HeaderPolicy
    from ..input.case import CtInput
    from ..output.destination import Destination
    from ..study.files import FollowedFile
    from .sign_off import Asked

SUMMARY = "de-identify one CT"
EXAMPLES = """\
examples:
  facedeidln deface ct.nrrd ct-deface.nrrd --nodes nodes.seg.nrrd
  facedeidln deface dicom-in/ dicom-out/ --nodes nodes.seg.nrrd --node-segments Ia,Ib --qa review/
  facedeidln deface ct.nrrd ct-deface.nrrd --landmarks review/landmarks.mrk.json
  facedeidln deface ct.nrrd ct-deface.nrrd --also pet.nii.gz pet-deface.nii.gz --also mr.nrrd mr-deface.nrrd
"""
#: Where reading ends and writing begins on the progress line.
_READ, _WORKED = 0.1, 0.8
_WHAT_TO_DO = (
    "What to do: look at the case in Slicer (--qa DIR writes scene.mrb), mend the landmarks or the curve there, "
    "and hand them in with --landmarks or --curve."
)
_HEADER_NOTE = "  note: names and dates in the DICOM header are untouched."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """INPUT, OUTPUT and everything that can be chosen for one case."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="DICOM folder or image file")
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help="where to write the result: a folder for a DICOM folder, else .nrrd, .nii, .nii.gz or .mha",
    )
    shared.add_protection(parser)
    shared.add_guides(parser)
    shared.add_work(parser)
    shared.add_header(parser)
    shared.add_release(parser)
    parser.add_argument(
        "--also",
        nargs=2,
        action="append",
        type=Path,
        default=[],
        metavar=("IN", "OUT"),
        help="an image file of the same head in the same millimetres (PET, MR, a second CT) that gets the same face (repeatable)",
    )
    add_sign_off(parser)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Read, hide the face, verify, write the review material, and release what may be released."""
    if options.parent is not None:
        die_with_parent(options.parent)
    place, sign_off = check_arguments(options), asked_sign_off(options)
    from ..clearance import NOT_SIGNED
    from ..header.called import require_called
    from ..input.beside import segments_beside
    from ..input.ct import read_ct
    from ..output.header_mappings import keep_mappings
    from ..pipeline import deface
    from ..release import Watch, as_stored, refusal_sentence, require_kind
    from .given import given_files
    from .inputs import frame_notes_of, make_request

    console.progress(0.0, "reading")
    begin = time.perf_counter()
    ct = read_ct(options.input, options.series, by_hand=options.landmarks is not None)
    notes = (*ct.notes, *require_kind(ct, place.output), *segments_beside(ct, given_files(options)))
    require_dicom(ct, options)
    if ct.kind == "dicom":
        require_called(place.output, ct.files[:1], place.header)
    request, taken = make_request(options, ct)
    notes += frame_notes_of(request)
    request = replace(request, parameters=drawn(options, request.parameters, sign_off, surface_of(ct, place.header)))
    read = time.perf_counter()
    result = as_stored(ct, deface(request, part(console.progress, _READ, _WORKED)))
    result.seconds["reading"] = round(read - begin, 3)
    result, said = (result, NOT_SIGNED) if sign_off is None else sign_off.of(result)
    refusal = refusal_sentence(result, options.accept_recognisable, said)
    if refusal is None:
        result, beside = follow_also(options, result, request)
        refusal = refusal_sentence(result, options.accept_recognisable, said)
    seen = sign_off.seen.result if sign_off is not None and said.remark else None  # it stands in the review already
    if options.qa is not None and seen is None:
        console.progress(_WORKED, "review material")
        seen = write_review_folder(options.qa, ct, result, refusal is None)
    if refusal is None:
        console.progress(0.9, "writing")
        options.releases = (Watch(place.output),)
        release_all(ct, result, place, beside, options, said)
        keep_mappings(place.header, options.key)
    return outcome(ct, result, place, options.qa, refusal, Told(taken, notes, seen))


def surface_of(ct: CtInput, header: HeaderPolicy) -> int | None:
    """The seed of a DICOM CT's patient where headers are cleaned with a key; else None."""
    if ct.kind != "dicom" or header.options is None:
        return None
    import pydicom

    return header.surface_seed(pydicom.dcmread(ct.files[0], stop_before_pixels=True, force=True))


def drawn(options: argparse.Namespace, parameters: Parameters, sign_off: Asked | None, of_patient: int | None) -> Parameters:
    """The parameters with the seed of what was looked at or of the patient, or with one drawn where it must be drawn from again."""
    from ..effect.base import seeded

    if sign_off is not None:
        return sign_off.parameters(parameters)
    again = options.also or options.qa is not None or of_patient is not None
    return seeded(parameters, of_patient) if again else parameters


def follow_also(options: argparse.Namespace, result: CaseResult, request: Request) -> tuple[CaseResult, tuple[FollowedFile, ...]]:
    """The files of --also, followed and verified, with the result of the CT, which is a REVIEW where one of them is doubtful."""
    if not options.also:
        return result, ()
    from ..output.destination import Destination
    from ..study.family import DoubtError
    from ..study.files import Leader, follow_files
    from ..verify.verdict import Verdict

    leader = Leader(result, request.protected, options.accept_recognisable)
    places = [(path, Destination(out, options.overwrite, (path,), signing_key=options.signing_key)) for path, out in options.also]
    try:
        return result, follow_files(places, leader)
    except DoubtError as doubt:
        return replace(result, verdict=Verdict.REVIEW, reasons=(*result.reasons, f"{doubt} (mend that image, or leave it out)")), ()


def release_all(
    ct: CtInput,
    result: CaseResult,
    place: Destination,
    followed: tuple[FollowedFile, ...],
    options: argparse.Namespace,
    said: SignOff,
) -> None:
    """Write the CT, and with it the files of --also: all of them appear, or none."""
    from ..release import release

    if not followed:
        release(ct, result, place, options.accept_recognisable, said)
        return
    from ..output.atomic import released_together
    from ..output.certificate import certificate_path
    from ..study.files import write_files

    outputs = [*(one.place.output for one in followed), place.output]
    inputs = (ct.path, *place.inputs, *(one.made.image.path for one in followed))
    with released_together([(output, certificate_path(output)) for output in outputs], options.overwrite, inputs) as hidden:
        beside = [replace(one, place=replace(one.place, output=name)) for one, name in zip(followed, hidden, strict=False)]
        write_files(beside, result, options.accept_recognisable, said)
        release(ct, result, replace(place, output=hidden[-1]), options.accept_recognisable, said)


def also_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """Every file that --also reads, with those that hold their voxels; InputError for one that is not there, or is no image."""
    from ..input.images import image_extension, image_files

    for path, _ in options.also:
        if not path.exists():
            raise InputError(f"There is no file {path}.")
        if not path.is_file() or image_extension(path) is None:
            raise InputError(f"--also {path} is no image file: give a .nrrd, .nii, .nii.gz or .mha; for DICOM use the command study.")
    return tuple(part for path, _ in options.also for part in image_files(path))


def check_outputs(options: argparse.Namespace, files: tuple[Path, ...]) -> None:
    """Raises InputError for outputs, --also's too, that cannot be written to: none touches a file that is read, or another one."""
    from ..input.images import image_extension
    from ..output.certificate import certificate_path, require_own_certificate
    from ..output.destination import require_destination
    from ..output.images import require_ending

    outputs = [options.output, *(out for _, out in options.also)]
    places = [certificate_path(out.absolute()) for out in outputs]
    if len(set(places)) < len(outputs):
        twice = f"OUTPUT ({options.output}) again" if places[0] in places[1:] else "the same output twice"
        raise InputError(f"--also names {twice}, and endings do not count: give each image an output of its own.")
    for out in outputs if image_extension(options.input) and options.input.is_file() else outputs[1:]:
        require_ending(out)
    for out in outputs:
        require_destination(out, options.overwrite, (*files, *(other for other in outputs if other is not out)))
        require_own_certificate(out, options.overwrite)


def require_dicom(ct: CtInput, options: argparse.Namespace) -> None:
    """Raises InputError where a header is to be cleaned and the input has none."""
    if ct.kind != "dicom" and options.header != "keep":
        raise InputError(f"--header {options.header} is for DICOM, and {ct.path.name} has no DICOM header: leave it out.")


def check_names(options: argparse.Namespace) -> None:
    """Raises InputError, with the names there are, for a style, effect, node level or provider that there is not, or not here."""
    from ..effect.choices import require_sound

    require_sound(shared.parameters_of_options(options))
    if options.provider:
        from ..providers.base import require_available
        from ..providers.registry import provider_named

        for name in options.provider:
            require_available(provider_named(name))


def check_arguments(options: argparse.Namespace) -> Destination:
    """What can be refused before anything is read; returns where the release goes.

    Raises InputError for names that there are not, files that are missing, and places that cannot be written to.
    """
    from ..header.policy import policy_named
    from ..input.images import image_files
    from ..output.certificate import certificate_path
    from ..output.destination import Destination, require_destination
    from ..output.review_folder import require_review_folder
    from ..output.signing import require_key
    from .given import given_files

    check_names(options)
    if not options.input.exists():
        raise InputError(f"There is no file or folder {options.input}.")
    files = (*image_files(options.input), *given_files(options), *also_files(options))
    check_outputs(options, files)
    if options.qa is not None:
        outputs = (options.output, *(out for _, out in options.also))
        require_destination(options.qa, True, (*outputs, *map(certificate_path, outputs), options.input))
        require_review_folder(options.qa, files)
    given_away = tuple(filter(None, (options.output, options.qa)))
    header = policy_named(options.header, options.key, options.patients, given_away, (options.input,))
    require_key(options.signing_key)  # before any work
    return Destination(options.output, options.overwrite, files, header, options.signing_key)


def part(progress: Progress, low: float, high: float) -> Progress:
    """The progress of a part of the work, which runs from ``low`` to ``high`` of the whole."""
    return lambda fraction, message: progress(low + (high - low) * fraction, message)


def write_review_folder(folder: Path, ct: CtInput, result: CaseResult, released: bool) -> str | None:
    """The review material, which contains the face; the hash of the result that it shows, None where there is no result.

    Its pictures are drawn while MRML, which takes a second to load, is loaded and at work.
    """
    from ..core.ahead import made_beside
    from ..output.panels import draw, shown
    from ..output.seen import Seen, digest, note_seen

    with (
        made_beside(lambda alive: draw(shown(ct.volume, result.result, *result.masks_shown()), alive)) as drawn,
        made_beside(lambda alive: None if result.result is None else digest(result.result)) as hashed,
    ):
        from ..mrml.sparing import load_slicer

        load_slicer()
        from ..mrml.case import material_of
        from ..mrml.review_scene import write_review

        write_review(folder, material_of(ct.volume, result, released), drawn)
        found = hashed.result()
    if found is None or result.parameters.seed is None:
        return None
    note_seen(folder, Seen(found, result.parameters.seed))
    return found


@dataclass(frozen=True)
class Told:
    """What is said of the input: what was made of each segment of --nodes, and what was left out; and which result the review shows."""

    taken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen: str | None = None


def outcome(ct: CtInput, result: CaseResult, place: Destination, qa: Path | None, refusal: str | None, told: Told) -> Outcome:
    """Exit code, facts and text of a case that came to a verdict."""
    from ..facts import facts_of
    from ..output.certificate import certificate_path
    from ..release import RECOGNISABLE_SENTENCE
    from .describe import earlier_lines, figures, reason_lines

    verdict, released, lacks_consent = result.verdict.value, refusal is None, refusal == RECOGNISABLE_SENTENCE
    code = PASS if released else FAIL if verdict == "FAIL" else REVIEW
    facts = {**facts_of(result), "released": released, "output": str(place.output) if released else None}
    facts["reasons"] += [RECOGNISABLE_SENTENCE] if lacks_consent else []
    facts["nodes_read"] = list(told.taken)
    facts["notes"] = list(told.notes)
    lines = [f"{verdict}: released as {place.output}" if released else f"{verdict}: nothing was released"]
    lines += [
        *reason_lines(facts["reasons"]),
        *(f"  --nodes: {line}" for line in told.taken),
        *(f"  --provider: {line}" for line in result.provided),
        *(f"  note: {line}" for line in told.notes),
        *figures(result),
    ]
    if released:
        facts["certificate"] = str(certificate_path(place.output))
        lines.append(f"  certificate: {facts['certificate']}")
        lines += [_HEADER_NOTE] if ct.kind == "dicom" and place.header.name == "keep" else []
    if qa is not None:
        facts |= {"review": str(qa), "review_sha256": told.seen or ""}
        lines.append(f"  review material (contains the face): {qa}")
    lines += [_WHAT_TO_DO] if verdict == "REVIEW" and not released and not lacks_consent else []
    lines += [] if released else earlier_lines(place.output)
    return Outcome(code, facts, "\n".join(lines))
