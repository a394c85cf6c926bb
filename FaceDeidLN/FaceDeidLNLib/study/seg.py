"""Segmentations: segments that follow the old skin end at the new one, all others stay to the bit; empty frames are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits

from ..core.geometry import Geometry
from ..core.segment import places
from ..core.volume import Volume
from ..input.names import Role, role_of
from .beside import require_apart
from .elsewhere import require_in_view, require_on_skin
from .family import ClippedOneByOne, DoubtError, StudyRun
from .hidden import HiddenFace
from .instances import Instance
from .inward import require_no_inward_copy
from .own_frames import lay_in
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
from .seg_frames import Frames
from .whole import whole_of


class SegFamily(ClippedOneByOne):
    """Segmentation (binary, fractional) and Label Map Segmentation."""

    name = "seg"
    clips = "segments that follow the old skin end at the new one, all others to the bit; empty frames dropped"

    def clip(self, run: StudyRun, instance: Instance, hidden: HiddenFace, matrix: np.ndarray) -> dict[str, Any]:
        """Clip, verify, write."""
        dataset = whole_of(instance.path)
        if instance.drawn_in:
            lay_in(dataset, instance.drawn_in)
        frames = Frames.of(dataset, matrix)
        if frames.shown() - frames.names.keys():
            raise DoubtError("it shows segments that it does not describe, which nobody looks at")
        outlines = _require_place(frames, run.seen_in(instance.frame))
        was_empty = not frames.pixels.any()
        clipped = clip(frames, hidden, outlines)
        edges = [(label, points) for label in frames.labels for points in frames.surfaces(label)]
        require_no_copy([(frames.names[label], in_region(points, hidden)) for label, points in edges], hidden)
        require_no_inward_copy(((frames.names[label], points) for label, points in edges), hidden)
        require_apart([(frames.names[label], points) for label, points in edges if label not in clipped], run.drawn_in(hidden), hidden)
        dropped = write_frames(dataset, frames.pixels, was_empty)
        remove_pictures_but_pixels(dataset)
        run.writer.put(instance, dataset)
        told = sorted(frames.names.get(label, str(label)) for label in clipped)
        return {"segments": len(frames.names), "clipped": told, "frames_dropped": dropped}


def _require_place(frames: Frames, shown: Sequence[Volume]) -> frozenset[int]:
    """The numbers of the segments that outline the body, whatever they are called.

    :raises DoubtError: one lies where no CT shows anything, or was drawn around a body that lies elsewhere.
    """
    require_in_view("a segment", np.vstack([np.zeros((0, 3)), *map(frames.edge, frames.labels)]), shown)
    outlines = set()
    for label in frames.labels:
        name = frames.names[label]
        said, edge = f"the segment '{name}'", frames.edge(label)
        if is_outline(name) and role_of(name) is Role.OUTLINE:  # however small: it may be in another unit
            require_on_skin(said, edge, shown)
        if require_whole_place(said, edge, shown, is_outline(name), ON_SKIN.search(name) is not None):
            outlines.add(label)
    return frozenset(outlines)


def clip(frames: Frames, hidden: HiddenFace, outlines: frozenset[int] = frozenset()) -> list[int]:
    """Let segments that follow the old skin follow the new one in the region, in place; returns their numbers.

    They do by geometry, by name, or as ``outlines`` of the body.
    """
    limits = {label: _limits(frames, label, hidden, label in outlines) for label in frames.labels}
    done = [label for label, ends in limits.items() if ends is not None]
    for indices in _planes(frames, done):
        at, depth = _region_of(frames.grid(indices[0]), hidden)
        for index in indices:
            for label in done if frames.is_map else [int(frames.numbers[index])]:
                _clip_frame(frames, index, label, limits[label], at, depth)
    for label in done:
        frames.changed(label)
    return done


def _limits(frames: Frames, label: int, hidden: HiddenFace, is_outline: bool) -> tuple[float, float] | None:
    """The depths (mm) between which a segment that follows the old skin lies in the region; None of any other."""
    name, edge = frames.names[label], in_region(frames.edge(label), hidden)
    depth = hidden.depth_before(edge)
    near = depth < SHALLOW_MM
    if not (is_outline or is_called_skin(name, depth) or follows(name, edge[near], depth[near], hidden)):
        return None
    points = in_region(frames.points(label), hidden)
    if not len(points):
        return None
    low, high = np.percentile(hidden.depth_before(points), (2, 98))
    return float(low), float(high) if high < DEEP_MM else np.inf


def _planes(frames: Frames, labels: Sequence[int]) -> list[list[int]]:
    """The frames that may show one of the segments, those of one plane together."""
    planes: dict[bytes, list[int]] = {}
    for index in np.unique(np.concatenate([np.zeros(0, dtype=int), *map(frames.of_label, labels)])):
        planes.setdefault(frames.grid(index).ijk_to_lps.tobytes(), []).append(int(index))
    return list(planes.values())


def _region_of(grid: Geometry, hidden: HiddenFace) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels (N,) of a plane, counted in C order, lie in the region, and their depth (N,) in mm below the new skin."""
    box = grid.box_around(hidden.reach.geometry.corners(), margin_mm=1.0)
    at = places(np.ones(box.shape, dtype=bool)) + np.array(box.start, dtype=np.intp)
    lps = grid.to_lps(at)
    inside = hidden.in_region(lps)
    return np.ravel_multi_index(tuple(at[inside].T), grid.shape), hidden.depth_after(lps[inside])


def _clip_frame(frames: Frames, index: int, label: int, limits: tuple[float, float], at: np.ndarray, depth: np.ndarray) -> None:
    """Let a segment end at the new skin in one frame that shows it; ``at`` and ``depth`` as of ``_region_of``."""
    shown, pixels = frames.mask(index, label), frames.pixels[index].reshape(-1)
    if not shown.any():
        return
    full = label if frames.is_map else int(frames.dataset.get("MaximumFractionalValue") or 1)
    new = (depth > limits[0]) & (depth < limits[1])
    own = shown.ravel()[at] | (pixels[at] == 0)  # in a label map no other segment is written over
    pixels[at] = np.where(own, np.where(new, full, 0), pixels[at])


def write_frames(dataset: Dataset, frames: np.ndarray, was_empty: bool = False) -> int:
    """Put the frames that show something back, uncompressed; returns how many were dropped.

    All stay of a segmentation that ``was_empty``, and of a part of one in several files, which count their frames together.

    :raises DoubtError: nothing is left.
    """
    all_stay = was_empty or "ConcatenationUID" in dataset
    keep = [index for index, frame in enumerate(frames) if all_stay or frame.any()]
    if not keep:
        raise DoubtError("nothing of it is left")
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[index] for index in keep]
    dataset.NumberOfFrames = len(keep)
    kept = frames if len(keep) == len(frames) else frames[keep]
    if int(dataset.BitsAllocated) == 1:
        pixels = pack_bits(kept.astype(np.uint8, copy=False), pad=True)
    else:
        pixels = kept.astype("<u2" if int(dataset.BitsAllocated) == 16 else "u1", copy=False).tobytes()
    dataset.add_new(0x7FE00010, "OB" if int(dataset.BitsAllocated) <= 8 else "OW", pixels + b"\0" * (len(pixels) % 2))
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return len(frames) - len(keep)


def remove_pictures_but_pixels(dataset: Dataset) -> None:
    """Icons and private pictures go, the segmentation's own pixels stay."""
    pixels = dataset["PixelData"]
    remove_pictures(dataset)
    dataset.add(pixels)
