"""Structure sets and segmentations with a frame of reference of their own, drawn on the slices of a CT of their study: they lie there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from ..core.errors import FaceDeidError
from ..input.dicom_enhanced import split_frames
from ..input.dicom_geometry import Placed, series_geometry
from ..input.dicom_header import HeaderSlice
from ..input.dicom_segments import drawn_on
from ..input.slice_planes import SlicePlane, planes_of_slices
from .family import NO_FRAME, Series
from .instances import Instance
from .references import every_item

FAMILIES = frozenset({"rtstruct", "seg"})


def placed(series: Series) -> Placed | None:
    """The slices of a series by its headers; None where they give no grid."""
    try:
        return series_geometry([frame for one in series.instances for frame in split_frames(HeaderSlice(one.path, one.header))])
    except Exception:  # pydicom raises whatever a damaged element leads to; its reader says so when the series is read
        return None


def planes_of(series: Sequence[Series]) -> dict[str, SlicePlane]:
    """Where the slices of series lie that share a frame of reference."""
    found = [there for one in series if (there := placed(one)) is not None]
    return {uid: plane for there in found for uid, plane in planes_of_slices(there.slices).items()}


def located(series: Sequence[Series]) -> tuple[Series, ...]:
    """The series of a study; what lies in no other object's frame of reference and is drawn on a CT's slices gets that CT's."""
    known = {one.frame for one in series if one.family not in FAMILIES}
    alone = [i for one in series if one.family in FAMILIES for i in one.instances if i.frame and i.frame not in known]
    if not alone:
        return tuple(series)
    cts: dict[str, list[Series]] = {}
    for one in series:
        if one.family == "ct" and not one.frame.startswith(NO_FRAME):
            cts.setdefault(one.frame, []).append(one)
    planes = {frame: planes_of(own) for frame, own in cts.items()}
    moved = {id(instance): _located(instance, planes) for instance in alone}
    return tuple(replace(one, instances=tuple(moved.get(id(i), i) for i in one.instances)) for one in series)


def _located(instance: Instance, planes: Mapping[str, Mapping[str, SlicePlane]]) -> Instance:
    """The instance with the frame of reference of the CT that it is drawn on, if any."""
    try:
        found = drawn_on(instance.path, planes)
    except FaceDeidError:  # it cannot be read: it stays where its header says, and is withheld
        return instance
    return replace(instance, drawn_in=next(iter(found))) if len(found) == 1 else instance


def lay_in(dataset: Dataset, frame: str) -> None:
    """Let what is drawn on the slices of a CT lie in the CT's frame of reference instead of its own ones."""
    for item in every_item(dataset):
        for keyword in ("FrameOfReferenceUID", "ReferencedFrameOfReferenceUID"):
            if item.get(keyword):
                setattr(item, keyword, frame)
