"""Attack de-identified CTs: does what is left tell whose face it was?

ORIGINALS and RESULTS are folders with image files (or DICOM folders) of the same names. The gallery holds the skins of all
originals, and of those in --gallery. The attacked window comes from the marks in ORIGINALS/landmarks.json (or --marks); an
original without marks is marked automatically. Four attacks: surfaces against the gallery, pictures of the surfaces before a
face recogniser (where the extra "attack" is installed), the effect undone, and what files still say. Written to --out:
attack.json, attack_heads.csv (a line per result), attack.csv (all distances), attack.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import FaceDeidError, InputError
from ..core.plain_files import read_plain_text, unread
from .console import PASS, Console, Outcome

if TYPE_CHECKING:
    from ..attack.study import Eye, Study, Target
    from ..attack.window import Window
    from ..core.landmarks import Landmarks
    from ..core.volume import Volume

SUMMARY = "try to recognise the persons in de-identified CTs"
EXAMPLES = "example:\n  facedeidln attack originals/ results/ --out attack/"
#: Among fewer heads a rank says nothing.
FEWEST_HEADS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ORIGINALS, RESULTS, what else is in the gallery, and how hard to try."""
    parser.add_argument("originals", type=Path, metavar="ORIGINALS", help="folder of the CTs before")
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder of the CTs after, under the same names")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="more CTs whose skins the attacker knows")
    parser.add_argument("--marks", type=Path, metavar="FILE", help="facial landmarks of the originals (default: ORIGINALS/landmarks.json)")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("attack"), help="where to write the figures (default: %(default)s)")
    parser.add_argument("--cheap", action="store_true", help="3 filters and 5 levels in place of 5 and 8; no effect is undone")
    parser.add_argument("--no-rendered", action="store_true", help="without pictures and face recogniser")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Enrol, attack, write; the exit code says nothing about the outcome of the attack."""
    from ..output.destination import make_folder
    from .attack_report import facts_of, figure_left_out, summary, write_report

    originals, results = heads_in(options.originals), heads_in(options.results)
    shared = [name for name in results if name in originals]
    known = {**(heads_in(options.gallery) if options.gallery else {}), **originals}
    if not shared or len(known) < FEWEST_HEADS:
        raise InputError(
            f"{len(shared)} of {len(results)} results have an original of the same name, and the gallery holds {len(known)} heads; "
            f"at least 1 and {FEWEST_HEADS} are needed."
        )
    if options.marks is not None and not options.marks.is_file():
        raise InputError(f"There is no file {options.marks}.")
    make_folder(options.out)
    marks = read_marks(options.marks or options.originals / "landmarks.json")
    no_pictures = ["The attack by pictures was not asked for."] if options.no_rendered else rendered_left_out()
    left_out = [*no_pictures, *figure_left_out(), *without_original([name for name in results if name not in originals])]
    for sentence in left_out:
        console.say(sentence)
    study, windows = prepare(options, known, marks, console, with_pictures=not no_pictures)
    for done, name in enumerate(shared):
        console.progress(0.4 + 0.6 * done / len(shared), f"attacking {name}")
        study.add(target(name, originals[name], results[name], windows[name]))
    facts = facts_of(study, left_out)
    write_report(options.out, facts, study)
    return Outcome(PASS, facts, f"{summary(facts)}\n  written to {options.out}")


def without_original(names: Sequence[str]) -> list[str]:
    """Which results are not attacked, because there is no original of their name; empty where there is none."""
    return [f"{len(names)} results are left out, because no original has their name: {', '.join(names)}."] if names else []


def rendered_left_out() -> list[str]:
    """Why there is no attack by pictures; empty where there is one."""
    from ..attack.dlib_recogniser import HOW_TO_INSTALL, missing

    gone = missing()
    return (
        [f"The attack by pictures and a face recogniser is left out: {', '.join(gone)} not installed ({HOW_TO_INSTALL})."] if gone else []
    )


def prepare(
    options: argparse.Namespace, known: Mapping[str, Path], marks: Mapping[str, Landmarks], console: Console, with_pictures: bool
) -> tuple[Study, dict[str, Window]]:
    """Enrol every head: its skin, its bone and, with pictures, its face."""
    import numpy as np

    from ..attack.battery import CHEAP, FULL, NO_REVERSALS, enrol
    from ..attack.gallery import Gallery
    from ..attack.linkage import bone_field
    from ..attack.reversal import ALL_REVERSALS
    from ..attack.study import Study

    skins, windows = enrol(_enrolled(known, marks, console))
    bones = Gallery(skins.names, np.stack([bone_field(read_volume(known[name]), windows[name]) for name in skins.names]))
    eye = eye_for(known, windows, console) if with_pictures else None
    battery, reversals = (CHEAP, NO_REVERSALS) if options.cheap else (FULL, ALL_REVERSALS)
    return Study(skins, bones, battery, reversals, eye), windows


def eye_for(known: Mapping[str, Path], windows: Mapping[str, Window], console: Console) -> Eye:
    """The recogniser, shown pictures of every original's skin."""
    from ..attack.dlib_recogniser import DlibRecogniser
    from ..attack.portraits import PHOTOGRAPHS
    from ..attack.rendered import look
    from ..attack.study import Eye

    recogniser, faces = DlibRecogniser(), {}
    for done, (name, path) in enumerate(known.items()):
        console.progress(0.2 + 0.2 * done / len(known), f"pictures of {name}")
        faces[name] = look(read_volume(path), windows[name], recogniser, PHOTOGRAPHS)
    return Eye(recogniser, faces)


def target(name: str, original: Path, result: Path, window: Window) -> Target:
    """One result with its original; InputError where it lies beside the original's face, and is none of it."""
    from ..attack.study import Target
    from ..attack.surfaces import is_in_view

    ct = read_volume(result)
    if not is_in_view(ct, window):
        raise InputError(f"{result} lies beside the face of its original: give the result of that CT, or leave it out.")
    return Target(name, read_volume(original), ct, original, result, window)


def heads_in(folder: Path) -> dict[str, Path]:
    """The CTs of a folder by name: image files without ending and without ``_ct``, and DICOM folders.

    Hidden ones, segmentations and label maps (``_labels``) are none. Raises InputError where two have one name.
    """
    from ..input.images import image_extension
    from .batches.cases import holds_dicom, is_segmentation

    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = image_extension(path) if path.is_file() else ""
        name = path.name[: len(path.name) - len(ending or "")]
        if path.name.startswith(".") or is_segmentation(path) or name.endswith("_labels") or not (ending or holds_dicom(path)):
            continue
        name = name.removesuffix("_ct")
        if name in found:
            raise InputError(f"{folder} holds two heads called {name} ({found[name].name}, {path.name}): rename one.")
        found[name] = path
    return found


def read_volume(path: Path) -> Volume:
    """A CT in HU."""
    from ..input.ct import read_ct

    return read_ct(path).volume


def read_marks(path: Path) -> dict[str, Landmarks]:
    """Marks by name of the head from {"patients": {NAME: {"landmarks": {LANDMARK: [L, P, S] or null}}}}; none without the file."""
    if not path.is_file():
        return {}
    try:
        heads = json.loads(read_plain_text(path))["patients"]
        return {name: _landmarks(name, head["landmarks"]) for name, head in heads.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} does not hold landmarks by patient ({unread(error)}).") from error


def _landmarks(head: str, places: Mapping[str, Any]) -> Landmarks:
    import numpy as np

    from ..core.landmarks import Landmark, Landmarks

    given = {name: np.array(place, dtype=float) for name, place in places.items() if place is not None}
    for name, place in given.items():
        if place.shape != (3,) or not np.isfinite(place).all():
            raise InputError(f"{name} of {head} is not three numbers: mend or leave out that mark.")
    return Landmarks({name: Landmark(name, place, 1.0, "user") for name, place in given.items()})


def _enrolled(known: Mapping[str, Path], marks: Mapping[str, Landmarks], console: Console) -> Iterator[tuple[str, Volume, Landmarks]]:
    """Name, CT and landmarks of every head of the gallery; InputError for a head whose landmarks fix no face."""
    from ..anatomy.landmark.detect import detect_landmarks
    from ..attack.window import face_window

    for done, (name, path) in enumerate(known.items()):
        console.progress(0.2 * done / len(known), f"enrolling {name}")
        ct = read_volume(path)
        try:
            points = marks[name] if name in marks else detect_landmarks(ct)
            face_window(points)
        except FaceDeidError as error:
            raise InputError(f"{name} has no landmarks to aim at; give them with --marks, or leave it out. ({error})") from error
        yield name, ct, points
