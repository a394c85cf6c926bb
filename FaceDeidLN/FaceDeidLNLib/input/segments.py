"""Segments to protect, from Slicer's .seg.nrrd files and from label maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..core.errors import InputError
from ..core.geometry import Box, Geometry
from ..core.segment import Segment
from ..core.volume import Volume
from .formats.header import ImageHeader, whole
from .images import image_extension, image_header, load_image
from .names import no_segment, one_line
from .place import same_grid, thinned_elsewhere

#: Label values above this would make a table of labels too large; no segmentation has so many.
MAX_LABEL = 1_000_000
#: A segmentation may be finer than its CT, or have many layers: bytes for each voxel of the CT, for a small CT, and for any.
ROOM_PER_VOXEL, LEAST_ROOM, MOST_BYTES = 16, 1 << 27, 1 << 31
#: No segmentation of a head and neck has more segments.
MOST_SEGMENTS = 1000
_SEGMENT_KEY = re.compile(r"^Segment(\d{1,6})_(Name|ID|LabelValue|Layer|Tags)$")
#: The segmented property type in Slicer's terminology entry: context~category~TYPE~modifier~...
_TERMINOLOGY = re.compile(r"TerminologyEntry:[^~|]*~[^~|]*~([^~|^]+)\^([^~|^]+)\^([^~|^]*)")


@dataclass(frozen=True)
class _Entry:
    """One segment of a file: which voxels hold it."""

    name: str
    layer: int
    label: int
    code: str = ""


def read_segments(path: Path, names: Sequence[str] | None = None, ct: Geometry | None = None) -> list[Segment]:
    """The segments of a file, each cropped to the box that holds it, on the file's own grid.

    A .seg.nrrd gives the segments that Slicer wrote (names, label values, overlapping layers). A label map gives one
    segment "label_N" for each value; a plain 0/1 mask gives one, named after the file.

    :param names: take only these: segment names without regard to case, or label values ("3").
    :param ct: the CT's grid, where it is known: a file of as many voxels in another place has lost its geometry.
    :raises InputError: the file cannot be read or holds no label map, is much larger than the CT, has lost its geometry, or a name
        is not there (those there are listed).
    """
    path = Path(path)
    header = image_header(path)
    _require_fit(header, ct)
    image = load_image(header)
    _require_binary(image.keys, path)
    array = _labels(image.volume.array, path)
    entries = _slicer_entries(image.keys, header.components) or list(_plain_entries(array, path))
    if not entries:
        raise InputError(f"{path.name} holds no segment: every voxel is 0.")
    grid = Volume(array, header.geometry)
    boxes = [ndimage.find_objects(array[..., layer]) for layer in range(array.shape[3])]
    entries += _nameless(entries, boxes)
    require_few(len(entries), path.name)
    return [_segment(grid, entry, boxes[entry.layer], path) for entry in _chosen(entries, names, path)]


def require_few(count: int, name: str) -> None:
    """Refuse a file of more segments than anybody draws. Raises InputError."""
    if count > MOST_SEGMENTS:
        raise InputError(f"{name} holds {count} segments, more than any segmentation (at most {MOST_SEGMENTS}): keep those that matter.")


def _require_fit(header: ImageHeader, ct: Geometry | None) -> None:
    """Refuse what cannot be a segmentation of the CT, by the header alone."""
    name, grid = header.path.name, header.geometry
    room = MOST_BYTES if ct is None else min(max(LEAST_ROOM, ROOM_PER_VOXEL * int(np.prod(ct.shape))), MOST_BYTES)
    if header.bytes > room:
        told = f"{' x '.join(str(n) for n in grid.shape[::-1])} voxels, {header.components} layers"
        raise InputError(f"{name} is far larger than a segmentation of this CT ({told}): give one on the CT's own grid.")
    if ct is None:
        return
    size = " x ".join(str(n) for n in grid.shape[::-1])
    if thinned_elsewhere(grid, ct):
        raise InputError(
            f"The mask {name} has a part of the CT's voxels ({size}) but does not lie over the whole CT, as a copy of fewer voxels does: "
            "its geometry was lost; save it with the CT's."
        )
    if sorted(grid.shape) != sorted(ct.shape) or same_grid(grid, ct):
        return
    raise InputError(
        f"The mask {name} has as many voxels as the CT ({size}) but another spacing, origin or direction: its geometry was lost; "
        "save it with the CT's."
    )


def _require_binary(keys: Mapping[str, str], path: Path) -> None:
    """Refuse a segmentation of shares of voxels, whose numbers are no labels. Raises InputError."""
    if any("fractional" in keys.get(f"Segmentation_{kind}Representation", "").casefold() for kind in ("Master", "Source")):
        raise InputError(f"{path.name} holds shares of voxels (Fractional labelmap) and no labels: save it as Binary labelmap.")


def _labels(array: np.ndarray, path: Path) -> np.ndarray:
    """Label values (k, j, i, layer) as integers.

    :raises InputError: fractions, negative or huge values.
    """
    low, high = _extremes(array, path)
    if low < 0 or high > MAX_LABEL:
        raise InputError(f"{path.name} holds values from {low:.12g} to {high:.12g}, so it is no label map: give labels from 0 upward.")
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array
    labels = np.empty(array.shape, dtype=np.uint8 if high < 256 else np.int32)
    for k, plane in enumerate(array):
        labels[k] = plane
    return labels


def _extremes(array: np.ndarray, path: Path) -> tuple[float, float]:
    """The smallest and largest value, looked for plane by plane. Raises InputError for fractions."""
    if array.dtype.kind != "f":
        return array.min(), array.max()
    low, high = np.inf, -np.inf
    for plane in array:
        if not (np.isfinite(plane).all() and np.array_equal(plane, np.rint(plane))):
            raise InputError(f"{path.name} holds fractions, so it is no label map: give whole numbers (0 is background).")
        low, high = min(low, plane.min()), max(high, plane.max())
    return low, high


def _slicer_entries(told: Mapping[str, str], layers: int) -> list[_Entry]:
    """The segments that Slicer's keys in a .seg.nrrd name; a file without layer keys has one segment per layer."""
    found: dict[int, dict[str, str]] = {}
    for key, value in told.items():
        match = _SEGMENT_KEY.match(key)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = value.strip()
    entries = []
    for number, keys in sorted(found.items()):
        try:
            layer, label = whole(keys.get("Layer", str(number))), whole(keys.get("LabelValue", "1"))
        except ValueError as error:
            raise InputError(f"Layer or label value of segment {number} is no whole number ({error}): the file is damaged.") from error
        name = one_line(keys.get("Name", "")) or keys.get("ID") or f"label_{label}"
        if not 0 <= layer < layers:
            raise InputError(f"The segment '{name}' is said to lie in layer {layer}, which the file has not: it is damaged.")
        code = _TERMINOLOGY.search(keys.get("Tags", ""))
        entries.append(_Entry(name, layer, label, "" if code is None else f"{code[1]}:{code[2]} {code[3]}"))
    return entries


def _nameless(entries: Sequence[_Entry], boxes: Sequence[Sequence[tuple[slice, ...] | None]]) -> list[_Entry]:
    """Segments for the label values that stand in a layer and that no key names: whatever another program added is not left out."""
    known = {(entry.layer, entry.label) for entry in entries}
    there = [(layer, label) for layer, found in enumerate(boxes) for label, box in enumerate(found, start=1) if box is not None]
    return [_Entry(f"label_{label}", layer, label) for layer, label in there if (layer, label) not in known]


def _plain_entries(array: np.ndarray, path: Path) -> Iterator[_Entry]:
    """A segment for each value of a label map."""
    if array.shape[3] > 1:
        raise InputError(f"{path.name} has several numbers per voxel and no segment names: give a .seg.nrrd or a label map.")
    if array.max() > MOST_SEGMENTS:
        known = np.zeros(MAX_LABEL + 1, dtype=bool)
        for plane in array:
            known[plane] = True
        require_few(np.count_nonzero(known[1:]), path.name)
    present = [n + 1 for n, box in enumerate(ndimage.find_objects(array[..., 0])) if box is not None]
    if present == [1]:
        yield _Entry(path.name[: -len(image_extension(path) or "")], 0, 1)
        return
    for label in present:
        yield _Entry(f"label_{label}", 0, label)


def _chosen(entries: list[_Entry], names: Sequence[str] | None, path: Path) -> list[_Entry]:
    """The entries that ``names`` asks for, in the order of the file."""
    if names is None:
        return entries
    wanted = {name.strip().casefold() for name in names}
    chosen, met = [], set()
    for entry in entries:
        by = wanted & {entry.name.casefold(), str(entry.label)}
        if by:
            chosen.append(entry)
            met |= by
    missing = [name for name in names if name.strip().casefold() not in met]
    if missing:
        raise no_segment(f"{path.name} has", missing[0], [entry.name for entry in entries])
    return chosen


def _segment(grid: Volume, entry: _Entry, boxes: list[tuple[slice, ...] | None], path: Path) -> Segment:
    """One segment, cropped; an empty one keeps a single voxel of grid that is not set."""
    where = boxes[entry.label - 1] if 0 < entry.label <= len(boxes) else None
    box = Box((0, 0, 0), (1, 1, 1)) if where is None else Box(tuple(s.start for s in where), tuple(s.stop for s in where))
    mask = grid.array[(*box.slices, entry.layer)] == entry.label
    if where is None:
        mask = np.zeros_like(mask)
    return Segment(entry.name, Volume(mask, grid.geometry.crop(box)), f"file:{path.name}", entry.code)
