"""Presentation states, key objects and structured reports: kept where they hold no picture and no drawing of the face."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from .family import Done, Series, Study, StudyRun
from .outcome import Decision, Outcome
from .pictures import is_written_picture, remove_pictures_but_texts
from .references import every_item
from .whole import whole_of

KEEPS = "no picture and no surface in it: kept, references to the new instances"
#: Values that draw: bitmaps, overlays and shutters in presentation states.
_BITMAPS = ("OverlayData", "BitmapDisplayShutterSequence", "ShutterOverlayGroup")
#: Structured reports and key object selections (PS3.4 B.5), whose content stands at their end.
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
#: Values that are points: of graphics and content, of a shutter's outline, and where texts stand.
_POINTS = ("GraphicData", "VerticesOfThePolygonalShutter", "AnchorPoint", "BoundingBoxTopLeftHandCorner")
#: More points in space than this may draw a surface; a landmark, a line, an ellipsoid and a small polygon have fewer.
MOST_POINTS = 60
#: This many points of polygons, which have more than a mark, a line, a box (5, closed) or an ellipse, all objects of a study may hold
#: together, and so many points of whatever kind.
PLAIN_POINTS, MOST_TOGETHER, MOST_OF_ALL = 5, 240, 900


class DocumentsFamily:
    """Softcopy presentation states, key object selections, structured reports."""

    name, shows_nothing = "documents", True

    def decide(self, series: Series, study: Study) -> tuple[Decision, ...]:
        """Keep, unless something in it draws, or all that those of the study draw is much together."""
        drawn = np.array([_drawn(one) for one in study.series if one.family == self.name])
        together = tuple(int(count) for count in drawn.sum(axis=0))
        return tuple(judged(whole_of(instance.path), together) for instance in series.instances)

    def release(self, series: Series, run: StudyRun) -> tuple[Done, ...]:
        """Write them without icons; references are closed when all is written."""
        for instance in series.instances:
            dataset = whole_of(instance.path)
            remove_pictures_but_texts(dataset)
            run.writer.put(instance, dataset)
        return (Done(series.instances, Decision(Outcome.KEEP, KEEPS)),)


def _drawn(series: Series) -> tuple[int, int]:
    """Points of the polygons in a series' objects that may stay, and all their points; what breaks a reader is judged by itself."""
    if "drawn" not in series.known:
        counts = [(0, 0)]
        with contextlib.suppress(Exception):
            datasets = (whole_of(instance.path) for instance in series.instances)
            counts += [(polygon_points(one), points) for one in datasets if (points := all_points(one)) <= MOST_POINTS]
        series.known["drawn"] = tuple(map(sum, zip(*counts, strict=True)))
    return series.known["drawn"]


def polygon_points(dataset: Dataset) -> int:
    """Points of all that an object draws and that is no mark, line, box or ellipse."""
    counts = (_points(item) for item in every_item(dataset))
    return sum(count for count in counts if count > PLAIN_POINTS)


def all_points(dataset: Dataset) -> int:
    """Points of all that an object draws."""
    return sum(_points(item) for item in every_item(dataset))


def judged(dataset: Dataset, together: tuple[int, int] = (0, 0)) -> Decision:
    """Keep or withhold, from the whole content; ``together``: points of the polygons of all such objects of its study, and all points."""
    if str(dataset.get("SOPClassUID", "")).startswith(_REPORTS) and "ContentSequence" not in dataset:
        return Decision.doubt("its content is missing: it is truncated or damaged, get it again")
    tags = list(every_element(dataset))
    if any(tag.group & 0xFF01 == 0x6000 for tag, _ in tags) or any(key in _BITMAPS for _, key in tags) or "PixelData" in dataset:
        return Decision.withhold("it holds bitmaps, which may draw the face")
    if is_written_picture(dataset):
        return Decision.withhold("it holds long data that are no text, which may be a picture")
    points = all_points(dataset)
    if points > MOST_POINTS:
        return Decision.withhold(f"it holds {points} points in space, which may draw the face")
    if (together[0] > MOST_TOGETHER and polygon_points(dataset)) or (together[1] > MOST_OF_ALL and points):
        return Decision.withhold(f"with the others of its study it draws {together[1]} points, which may draw the face together")
    return Decision(Outcome.KEEP, KEEPS)


def _points(item: Dataset) -> int:
    """Number of points that an item of content, graphics, texts or shutters draws."""
    size = 3 if item.get("ValueType") == "SCOORD3D" else 2
    return sum(int(np.size(np.array(item.get(keyword) or [], dtype=float)) // size) for keyword in _POINTS)


def every_element(dataset: Dataset) -> Iterator[tuple[pydicom.tag.BaseTag, str]]:
    """Tag and keyword of every element, at any depth."""
    for item in every_item(dataset):
        yield from ((element.tag, element.keyword) for element in item)
