"""From the options to what the pipeline is asked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.markups import read_curve_json, read_landmarks_json
from ..input.segments import read_segments
from ..pipeline import Request
from .options import parameters_from


def given_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """Every file that the options name beside INPUT; InputError for the first that is not there."""
    guides = (options.landmarks, options.curve, options.face_segment)
    files = (*options.nodes, *options.protect, *(path for path in guides if path is not None))
    for path in files:
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
    return files


def make_request(options: argparse.Namespace, ct: Volume) -> Request:
    """The request of one case: the CT, what is protected, what the user has placed, and the parameters."""
    return Request(
        ct,
        (*read_nodes(options.nodes, options.node_segments), *read_protected(options.protect)),
        None if options.landmarks is None else read_landmarks_json(options.landmarks),
        None if options.curve is None else read_curve_json(options.curve),
        None if options.face_segment is None else read_one(options.face_segment),
        parameters_from(options),
    )


def read_nodes(files: Sequence[Path], wanted: Sequence[str]) -> list[Segment]:
    """The nodes of all files, or those of the given names, each of which must be in one of the files."""
    if wanted and not files:
        raise InputError("--node-segments names segments of --nodes, and no --nodes FILE was given.")
    if len(files) <= 1 or not wanted:
        return [segment for path in files for segment in read_segments(path, wanted or None)]
    left, found = list(wanted), []
    for path in files:
        there = {name: segments for name in wanted if (segments := _read_if_there(path, name))}
        left = [name for name in left if name not in there]
        found += [segment for segments in there.values() for segment in segments]
    if left:
        raise InputError(f"None of the files of nodes has a segment '{left[0]}'.")
    return found


def _read_if_there(path: Path, name: str) -> list[Segment]:
    known = read_segments(path)
    return [segment for segment in known if segment.name.casefold() == name.casefold()]


def read_protected(files: Sequence[Path]) -> list[Segment]:
    """All segments of all files."""
    return [segment for path in files for segment in read_segments(path)]


def read_one(path: Path) -> Segment:
    """The face segment of a file: its only segment, or the one called "face"."""
    segments = read_segments(path)
    faces = segments if len(segments) == 1 else [s for s in segments if s.name.casefold() == "face"]
    if len(faces) != 1:
        raise InputError(f"{path.name} has {len(segments)} segments and none of them alone is called 'face': leave one in the file.")
    return faces[0]
