"""Segmentations: segments that follow the old skin end at the new one, all others stay to the bit; empty frames are dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits

from ..core.geometry import Geometry
from ..core.segment import places
from ..core.volume import Volume
from .beside import require_apart
from .elsewhere import require_in_view
from .family import ClippedOneByOne, DoubtError, StudyRun
from .grids import moved
from .hidden import HiddenFace
from .instances import Instance
from .inward import require_no_inward_copy
from .pictures import remove_pictures
from .rtstruct import (
    DEEP_MM,
    ON_SKIN,
    SHALLOW_MM,
    follows,
    in_region,
    is_called_skin,
    is_outline,
    require_no_copy,
    require_whole_place,
)
from .whole import whole_of

#: At so many of its values a fractional segment is looked at.
MOST_VALUES = 8


class SegFamily(ClippedOneByOne):
    """Segmentation (binary, fractional) and Label Map Segmentation."""

    name = "seg"
    clips = "segments that follow the old skin end at the new one, all others to the bit; empty frames dropped"

    def clip(self, run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> dict[str, Any]:
        """Clip, verify, write."""
        dataset = whole_of(instance.path)
        frames = dataset.pixel_array
        frames = frames.reshape((-1, *frames.shape[-2:])).copy()
        names = {int(item.SegmentNumber): str(item.get("SegmentLabel") or "") for item in dataset.SegmentSequence}
        _require_described(frames, dataset, names)
        outlines = _require_place(frames, dataset, names, run.seen_in(instance.frame), matrix)
        was_empty = not frames.any()
        clipped = clip(frames, dataset, names, hidden, matrix, outlines)
        edges = [(one, points) for one in labels_of(dataset, names) for points in surfaces(frames, dataset, one, matrix)]
        require_no_copy([(names[one], in_region(points, hidden)) for one, points in edges], hidden)
        require_no_inward_copy(((names[one], points) for one, points in edges), hidden)
        require_apart([(names[one], points) for one, points in edges if one not in clipped], run.drawn_in(hidden), hidden)
        dropped = write_frames(dataset, frames, was_empty)
        remove_pictures_but_pixels(dataset)
        run.writer.put(instance, dataset)
        return {"segments": len(names), "clipped": sorted(names.get(label, str(label)) for label in clipped), "frames_dropped": dropped}


def _require_described(frames: np.ndarray, dataset: Dataset, names: dict[int, str]) -> None:
    """Every pixel belongs to a segment that is described, so that it is looked at.

    :raises DoubtError: one does not.
    """
    if dataset.get("SegmentationType") == "LABELMAP":
        shown = set(map(int, np.unique(frames))) - {0}
    else:
        shown = {_number_of(dataset, index) for index, frame in enumerate(frames) if frame.any()}
    if shown - names.keys():
        raise DoubtError("it shows segments that it does not describe, which nobody looks at")


def _require_place(
    frames: np.ndarray, dataset: Dataset, names: dict[int, str], shown: Sequence[Volume], matrix: np.ndarray
) -> frozenset[int]:
    """The numbers of the segments that outline the body, whatever they are called.

    :raises DoubtError: one lies where no CT shows anything, or was drawn around a body that lies elsewhere.
    """
    parts = [frame_grid(dataset, index, matrix).to_lps(_places(_edge(frame > 0))) for index, frame in enumerate(frames) if frame.any()]
    require_in_view("a segment", np.vstack([np.zeros((0, 3)), *parts]), shown)
    outlines = set()
    for label in labels_of(dataset, names):
        name, points = names[label], edge_points(frames, dataset, label, matrix)
        if require_whole_place(f"the segment '{name}'", points, shown, is_outline(name), ON_SKIN.search(name) is not None):
            outlines.add(label)
    return frozenset(outlines)


def _places(mask: np.ndarray) -> np.ndarray:
    """Positions (N, 3) of the pixels of a frame on its grid."""
    return places(mask[None])


def labels_of(dataset: Dataset, names: dict[int, str]) -> list[int]:
    """The segments' numbers, the background of a label map left out."""
    return sorted(number for number in names if number or dataset.get("SegmentationType") != "LABELMAP")


def frame_grid(dataset: Dataset, index: int, matrix: np.ndarray) -> Geometry:
    """The grid of one frame, in the face's LPS mm."""
    own, shared = dataset.PerFrameFunctionalGroupsSequence[index], dataset.SharedFunctionalGroupsSequence[0]

    def macro(keyword: str) -> Dataset:
        found = own.get(keyword) or shared.get(keyword)
        if not found:
            raise DoubtError(f"a frame has no {keyword}: nobody knows where it lies")
        return found[0]

    rows = np.array(macro("PlaneOrientationSequence").ImageOrientationPatient, dtype=float).reshape(2, 3)
    spacing = [float(value) for value in macro("PixelMeasuresSequence").PixelSpacing]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = rows[0] * spacing[1], rows[1] * spacing[0]
    affine[:3, 2] = np.cross(rows[0], rows[1])
    affine[:3, 3] = np.array(macro("PlanePositionSequence").ImagePositionPatient, dtype=float)
    return moved(Geometry((1, int(dataset.Rows), int(dataset.Columns)), affine), matrix)


def of_segment(dataset: Dataset, index: int, frame: np.ndarray, label: int, above: float = 0.0) -> np.ndarray:
    """Bool of a frame: where it shows a segment, of a fractional one with values ``above`` this."""
    if dataset.get("SegmentationType") == "LABELMAP":
        return frame == label
    return frame > above if _number_of(dataset, index) == label else np.zeros(frame.shape, dtype=bool)


def _number_of(dataset: Dataset, index: int) -> int:
    """The segment that a frame shows."""
    own, shared = dataset.PerFrameFunctionalGroupsSequence[index], dataset.SharedFunctionalGroupsSequence[0]
    item = (own.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence") or [None])[0]
    if item is None:
        raise DoubtError("a frame does not say which segment it shows")
    return int(item.ReferencedSegmentNumber)


def _frames_of(dataset: Dataset, count: int, label: int) -> Iterator[int]:
    """Those of so many frames that may show a segment; a frame of a label map may show any."""
    is_map = dataset.get("SegmentationType") == "LABELMAP"
    return (index for index in range(count) if is_map or _number_of(dataset, index) == label)


def _edge(mask: np.ndarray) -> np.ndarray:
    """Bool of a frame: the pixels of a mask that have one beside them that is not of it. Most segments fill a small part of a frame."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    padded = np.pad(mask[box], 1)
    inner = padded[1:-1, :-2] & padded[1:-1, 2:] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    edge = np.zeros_like(mask)
    edge[box] = mask[box] & ~inner
    return edge


def edge_points(frames: np.ndarray, dataset: Dataset, label: int, matrix: np.ndarray) -> np.ndarray:
    """LPS mm (N, 3), in the face's frame, of the pixels at the edge of a segment."""
    return segment_points(frames, dataset, label, matrix, edge=True)


def surfaces(frames: np.ndarray, dataset: Dataset, label: int, matrix: np.ndarray) -> Iterator[np.ndarray]:
    """The edges (N, 3) of a segment, of a fractional one at several of its values: it may end at one and show the skin at another."""
    values = np.zeros(1)
    if dataset.get("SegmentationType") == "FRACTIONAL":
        own = [np.unique(frames[index]) for index in _frames_of(dataset, len(frames), label)]
        values = np.unique(np.concatenate(own))[:-1] if own else values
        values = np.unique([0, *values[np.linspace(0, len(values) - 1, min(len(values), MOST_VALUES)).astype(int)]])
    for value in values:
        yield segment_points(frames, dataset, label, matrix, edge=True, above=float(value))


def segment_points(
    frames: np.ndarray, dataset: Dataset, label: int, matrix: np.ndarray, edge: bool = False, above: float = 0.0
) -> np.ndarray:
    """LPS mm (N, 3) of the pixels of a segment, or of those at its edge; ``above`` as in ``of_segment``."""
    out = []
    for index in _frames_of(dataset, len(frames), label):
        mask = of_segment(dataset, index, frames[index], label, above)
        if mask.any():
            out.append(frame_grid(dataset, index, matrix).to_lps(_places(_edge(mask) if edge else mask)))
    return np.vstack(out) if out else np.zeros((0, 3))


def clip(
    frames: np.ndarray,
    dataset: Dataset,
    names: dict[int, str],
    hidden: HiddenFace,
    matrix: np.ndarray,
    outlines: frozenset[int] = frozenset(),
) -> list[int]:
    """Let segments that follow the old skin follow the new one in the region, in place; returns their numbers.

    They do by geometry, by name, or as ``outlines`` of the body.
    """
    done = []
    full = int(dataset.get("MaximumFractionalValue") or 1)
    for label in labels_of(dataset, names):
        edge = in_region(edge_points(frames, dataset, label, matrix), hidden)
        depth = hidden.depth_before(edge)
        near = depth < SHALLOW_MM
        said = label in outlines or is_called_skin(names[label], depth)
        if not said and not follows(names[label], edge[near], depth[near], hidden):
            continue
        points = in_region(segment_points(frames, dataset, label, matrix), hidden)
        if not len(points):
            continue
        low, high = np.percentile(hidden.depth_before(points), (2, 98))
        limits = (float(low), float(high) if high < DEEP_MM else np.inf)
        for index, frame in enumerate(frames):
            _clip_frame(frame, dataset, index, label, full, limits, hidden, matrix)
        done.append(label)
    return done


def _clip_frame(
    frame: np.ndarray,
    dataset: Dataset,
    index: int,
    label: int,
    full: int,
    limits: tuple[float, float],
    hidden: HiddenFace,
    matrix: np.ndarray,
) -> None:
    shown = of_segment(dataset, index, frame, label)
    if not shown.any():
        return
    is_map = dataset.get("SegmentationType") == "LABELMAP"
    grid = frame_grid(dataset, index, matrix)
    at = np.argwhere(np.ones(frame.shape, dtype=bool))
    lps = grid.to_lps(np.column_stack([np.zeros(len(at)), at]))
    inside = hidden.in_region(lps)
    at, after = at[inside], hidden.depth_after(lps[inside])
    new = (after > limits[0]) & (after < limits[1])
    here = tuple(at.T)
    own = shown[here] | (frame[here] == 0)  # in a label map no other segment is written over
    frame[here] = np.where(own, np.where(new, label if is_map else full, 0), frame[here])


def write_frames(dataset: Dataset, frames: np.ndarray, was_empty: bool = False) -> int:
    """Put the frames that show something back, uncompressed, all of a segmentation that ``was_empty``; returns how many were dropped.

    :raises DoubtError: nothing is left.
    """
    keep = [index for index, frame in enumerate(frames) if was_empty or frame.any()]
    if not keep:
        raise DoubtError("nothing of it is left")
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[index] for index in keep]
    dataset.NumberOfFrames = len(keep)
    kept = frames[keep]
    if int(dataset.BitsAllocated) == 1:
        pixels = pack_bits(kept.astype(np.uint8), pad=True)
    else:
        pixels = kept.astype("<u2" if int(dataset.BitsAllocated) == 16 else "u1").tobytes()
    dataset.add_new(0x7FE00010, "OB" if int(dataset.BitsAllocated) <= 8 else "OW", pixels + b"\0" * (len(pixels) % 2))
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return len(frames) - len(keep)


def remove_pictures_but_pixels(dataset: Dataset) -> None:
    """Icons and private pictures go, the segmentation's own pixels stay."""
    pixels = dataset["PixelData"]
    remove_pictures(dataset)
    dataset.add(pixels)
