"""From the options to what the pipeline is asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..case.records import Request
from ..core.errors import InputError, NoSegmentError
from ..core.geometry import Geometry
from ..core.landmarks import Landmarks
from ..core.segment import Segment
from ..input.any_segments import read_any_segments
from ..input.case import CtInput
from ..input.concatenations import require_all_parts
from ..input.markups import read_curve_json, read_landmarks_json
from ..input.names import Choice, choose_segments, is_guide
from ..input.patient import Patient
from ..providers.base import ProviderError
from ..providers.nnlandmark import LABELS_NAME, read_nnlandmark
from ..providers.registry import provider_named
from .landmarks import ENDING
from .options import parameters_of_options

if TYPE_CHECKING:
    from ..input.slice_planes import SlicePlane
    from ..study.belonging import CtFrames


def make_request(options: argparse.Namespace, ct: CtInput) -> tuple[Request, tuple[str, ...]]:
    """The request of one case (the CT, what is protected, what the user has placed, the parameters), and what was taken for what."""
    nodes, more = read_nodes(options.nodes, options.node_segments, ct), read_all(options.protect, ct)
    request = Request(
        ct.volume,
        (*nodes.taken, *more),
        None if options.landmarks is None else read_landmarks(options.landmarks, ct),
        None if options.curve is None else read_curve_json(options.curve),
        None if options.face_segment is None else read_one(options.face_segment, ct),
        parameters_of_options(options),
        (*nodes.guides, *(segment for segment in more if is_guide(segment))),
        tuple(provider_named(name, options.cpu) for name in options.provider),
        nodes.left_out,
        ct.calibration is not None,
    )
    return request, nodes.lines


def request_per_frame(options: argparse.Namespace, frames: CtFrames) -> Callable[[CtInput, str], Request]:
    """Gives what is asked of a CT in a frame of reference: each file of --nodes and --protect counts where it belongs.

    Of --node-segments those count in a frame that a file of nodes has there.

    :raises InputError: a file belongs to none of the CTs, or nobody can tell to which; no file has one of the names, or those of a CT
        have none of them.
    """
    places = {path: frames.of_file(path) for path in (*options.nodes, *options.protect)}
    names = _names_per_frame(options, frames, places)

    def request(ct: CtInput, frame: str) -> Request:
        nodes, protect = ([path for path in files if frame in places[path]] for files in (options.nodes, options.protect))
        wanted = names.get(frame, [])
        nodes = nodes if wanted or not options.node_segments else []
        if nodes or protect:
            ct = replace(ct, planes={**ct.planes, **frames.planes_in(frame)})  # a file may be drawn on any CT that lies there
        asked = argparse.Namespace(**{**vars(options), "nodes": nodes, "protect": protect, "node_segments": wanted})
        made = make_request(asked, ct)[0]
        frames.notes.update(dict.fromkeys(frame_notes_of(made)))
        return made

    return request


def _names_per_frame(options: argparse.Namespace, frames: CtFrames, places: Mapping[Path, frozenset[str]]) -> dict[str, list[str]]:
    """The names of --node-segments in each frame of reference; all of them where there is one, whose CT is read with them.

    :raises InputError: none of the files has one of them, or those of one frame have none.
    """
    if len(frames.series) < 2 or not (options.node_segments and options.nodes):
        return dict.fromkeys(frames.series, options.node_segments)
    found: dict[str, list[str]] = {frame: [] for frame in frames.series}
    for path in options.nodes:
        for frame in places[path]:
            there = _names_there(path, options.node_segments, frames, frame)
            found[frame] += [name for name in there if name not in found[frame]]
    missing = [name for name in options.node_segments if not any(name in there for there in found.values())]
    if missing:
        raise InputError(f"None of the files of nodes has a segment '{missing[0]}'.")
    for frame in (frame for frame, there in found.items() if not there):
        if own := [path for path in options.nodes if frame in places[path]]:
            raise InputError(
                f"{frames.told(own[0])}, and no file that does has a segment of the names that are asked for: name one of each CT with "
                "--node-segments, or leave the file out."
            )
    return found


def _names_there(path: Path, names: Sequence[str], frames: CtFrames, frame: str) -> list[str]:
    """Those names that segments of a file have; all where no grid is known in the frame of reference, whose CT's reader says why."""
    grid = frames.grid_of(frame)
    if grid is None:
        return list(names)
    return [name for name in names if _segments_called(name, path, grid, frames.uid_of(frame), frames.planes_in(frame))]


def read_landmarks(path: Path, ct: CtInput) -> Landmarks:
    """The landmarks of a markups file, or those that nnLandmark placed in this very CT.

    The latter where its data set's name_to_label.json stands beside the file; what nnLandmark did not find stays automatic.
    Raises InputError for a file that is neither.
    """
    labels = path.parent / LABELS_NAME
    if path.name.endswith(ENDING) or not labels.is_file():
        return read_landmarks_json(path)
    try:
        found = read_nnlandmark(path, labels, ct.volume.geometry)
    except ProviderError as error:
        raise InputError(f"{error}.") from error
    placed = {point.name: point for point in found if point.position is not None}
    if not placed:
        raise InputError(f"{path.name} places none of the landmarks that {LABELS_NAME} names: give the result of this CT.")
    return Landmarks(placed)


def read_nodes(files: Sequence[Path], wanted: Sequence[str], ct: CtInput) -> Choice:
    """The nodes of all files: those of the wanted names, each of which must be in one of the files, else those known by name or code."""
    if wanted and not files:
        raise InputError("--node-segments names segments of --nodes, and no --nodes FILE was given.")
    if not wanted:
        return _known(read_all(files, ct), ct)
    require_all_parts(files)
    if len(files) == 1:
        found = _read(files[0], ct, wanted)
    else:
        left, found = list(wanted), []
        for path in files:
            place = (path, ct.volume.geometry, ct.frame_of_reference_uid, ct.planes)
            there = {name: segments for name in wanted if (segments := _segments_called(name, *place))}
            left = [name for name in left if name not in there]
            found += [segment for segments in there.values() for segment in segments]
        if left:
            raise InputError(f"None of the files of nodes has a segment '{left[0]}'.")
    return choose_segments(found, [segment.name for segment in found])


def _known(segments: Sequence[Segment], ct: CtInput) -> Choice:
    """Those known by name or code; what goes around most of the patient is his outline, and nothing that is left out."""
    patient = Patient(ct.volume)
    choice = choose_segments([patient.recognised(segment) for segment in segments])
    return replace(choice, left_out=tuple(segment for segment in choice.left_out if not patient.is_outlined_by(segment)))


def _read(path: Path, ct: CtInput, names: Sequence[str] | None = None) -> list[Segment]:
    return read_any_segments(path, ct.volume.geometry, ct.frame_of_reference_uid, names, ct.planes)


def _segments_called(name: str, path: Path, grid: Geometry, frame_uid: str, planes: Mapping[str, SlicePlane]) -> list[Segment]:
    """The segments of a file that are asked for by a name, or a label value; none where none is."""
    try:
        return read_any_segments(path, grid, frame_uid, [name], planes)
    except NoSegmentError:
        return []


def read_all(files: Sequence[Path], ct: CtInput) -> list[Segment]:
    """All segments of all files. Raises InputError where one is a part of a segmentation and the others are missing."""
    require_all_parts(files)
    return [segment for path in files for segment in _read(path, ct)]


def frame_notes(segments: Iterable[Segment | None]) -> tuple[str, ...]:
    """A sentence for each file of segments that counts though it has a frame of reference of its own."""
    return tuple(dict.fromkeys(segment.note for segment in segments if segment is not None and segment.note))


def frame_notes_of(request: Request) -> tuple[str, ...]:
    """The same of all files that a request was read from."""
    return frame_notes((*request.protected, *request.guides, *request.left_out, request.face_segment))


def read_one(path: Path, ct: CtInput) -> Segment:
    """The face segment of a file: its only one that is not empty, or "face". :raises InputError: there is none, or more than one."""
    read = _read(path, ct)
    segments = [segment for segment in read if segment.mask.array.any()] or read
    faces = segments if len(segments) == 1 else [s for s in segments if s.name.casefold() == "face"]
    if len(faces) != 1:
        raise InputError(f"{path.name} has {len(segments)} segments and none of them alone is called 'face': leave one in the file.")
    return faces[0]
