"""The whole main job on a synthetic head-and-neck CT that the project makes itself; nothing is downloaded.

The CT and its lymph nodes are written to ./demo-output/ first, then de-identified exactly as 'deface' would.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from . import deface
from . import options as shared
from .console import Console, Outcome

if TYPE_CHECKING:
    from ..phantom import Phantom

SUMMARY = "the main job on a synthetic head"
EXAMPLES = "example:\n  facedeidln demo"
_SEED = 1
README_FILE = "README.txt"
_README = "Made by 'facedeidln demo', a synthetic head: the next demo replaces everything in this folder.\n"
_WHY_ACCEPTED = (
    "The demo releases its result with --accept-recognisable: the head is synthetic, so nobody can be recognised, "
    "whatever the attack benchmark says of the combination."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the demo writes, and what may be tried with it."""
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="folder to write to (default: %(default)s)")
    shared.add_work(parser)


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Make the phantom, write it, de-identify it."""
    from ..output.destination import make_folder
    from ..phantom import make_phantom

    deface.check_names(options)
    folder = options.out
    require_own_folder(folder)
    make_folder(folder)
    (folder / README_FILE).write_text(_README, encoding="utf-8")
    console.say(f"Making a synthetic head-and-neck CT in {folder} ...")
    console.progress(0.0, "synthetic CT")
    ct, nodes = write_phantom(make_phantom(seed=_SEED), folder)
    console.say(_WHY_ACCEPTED)
    words = [str(ct), str(folder / "ct-deface.nrrd"), "--nodes", str(nodes), "--qa", str(folder / "review"), "--overwrite"]
    words.append("--accept-recognisable")
    parser = argparse.ArgumentParser()
    deface.add_arguments(parser)
    done = deface.run(parser.parse_args([*words, *shared.work_words(options)]), console)
    review = folder / "review"
    where = f"Look at {review / 'review.png'} (before and after), or open {review / 'scene.mrb'} in 3D Slicer."
    return Outcome(done.exit_code, done.facts, f"{done.text}\n{where}")


def require_own_folder(folder: Path) -> None:
    """The folder is empty, not there yet, or an earlier demo's: nobody else's CT may be replaced by a synthetic one.

    Raises InputError otherwise.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    readme = folder / README_FILE
    if not readme.is_file() or readme.read_text(encoding="utf-8", errors="replace") != _README:
        raise InputError(f"{folder} holds files that are not of an earlier demo: name another folder with --out.")


def write_phantom(phantom: Phantom, folder: Path) -> tuple[Path, Path]:
    """Write the CT (ct.nrrd) and its lymph nodes (nodes.seg.nrrd) and return both paths."""
    from ..input.case import CtInput
    from ..input.place import place_segments
    from ..output.images import write_image
    from ..output.segments import write_segments

    ct, nodes = folder / "ct.nrrd", folder / "nodes.seg.nrrd"
    write_image(CtInput(phantom.ct, folder / "phantom", ".nrrd"), phantom.ct, ct, overwrite=True)
    write_segments(nodes, place_segments(phantom.nodes, phantom.ct.geometry), phantom.ct, overwrite=True)
    return ct, nodes
