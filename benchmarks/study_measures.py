"""What the files of a study show, measured from them alone: surfaces, protected voxels, and what averaging two series gives back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "FaceDeidLN"))

from FaceDeidLNLib.core.volume import Volume, linear
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.study.images import read_stacks
from FaceDeidLNLib.study.instances import Instance
from FaceDeidLNLib.study.plan import StudyPlan, to_do
from FaceDeidLNLib.study.registration import frames
from FaceDeidLNLib.study.report import StudyResult
from FaceDeidLNLib.study.rtdose import dose_geometry
from FaceDeidLNLib.study.rtstruct import contours_of
from FaceDeidLNLib.study.seg_frames import Frames
from FaceDeidLNLib.study.staging import staged

#: What is no air (HU).
SKIN_HU = -300.0
#: Of the points of the old skin no more than this are looked at.
MOST_POINTS = 20_000
#: Averaging helps where it comes nearer to the old skin than the nearer of the two alone by more than this (mm): ties of voxels are closer.
HELPS_MM = 0.1


@dataclass(frozen=True, eq=False)
class Shown:
    """A released series, or stack of one: what it is called, its family, and its instances before and after."""

    name: str
    family: str
    frame: str
    before: tuple[Instance, ...]
    after: tuple[Instance, ...]


def shown(result: StudyResult) -> list[Shown]:
    """All series of a released study; the CT that decided first."""
    files = {id(report.entry.instance): report for report in result.reports if report.file is not None}
    decided = {key for key, report in files.items() if report.decision.outcome.value == "deface"}
    out = []
    for family in ("ct", "pet_mr", "rtstruct", "rtdose", "seg"):
        for series in to_do(result.planned, family):
            before = tuple(instance for instance in series.instances if id(instance) in files)
            after = tuple(Instance(result.output / files[id(one)].file, one.header) for one in before)
            if before:
                name = before[0].text("SeriesDescription") + (f" #{series.stack}" if series.stack > 1 else "")
                out.append(Shown(name, family, series.frame, before, after))
    return sorted(out, key=lambda one: id(one.before[0]) not in decided)


def old_skin(decided: Shown) -> np.ndarray:
    """LPS mm (N, 3) of the skin of a CT that decided, before, where its voxels changed."""
    before, after = volume(decided.before), volume(decided.after)
    points = before.geometry.to_lps(np.argwhere(skin_voxels(before.array) & (before.array != after.array)))
    return points[:: max(len(points) // MOST_POINTS, 1)]


def volume(instances: Sequence[Instance]) -> Volume:
    """A CT of some instances, in HU."""
    with staged(instances) as folder:
        return read_ct(folder).volume


def surface(family: str, instances: Sequence[Instance], level: float | None = None) -> np.ndarray:
    """LPS mm (N, 3) of the surfaces that objects show, each in its own frame of reference; ``level`` as in ``level_of``."""
    if family == "ct":
        return _skin_points(volume(instances), SKIN_HU)
    if family == "pet_mr":
        return np.vstack([_skin_points(stack.volume, level or 0.0) for stack in read_stacks(instances)])
    datasets = [pydicom.dcmread(instance.path) for instance in instances]
    if family == "rtdose":
        doses = (Volume(dataset.pixel_array.astype(np.float32), dose_geometry(dataset)) for dataset in datasets)
        return np.vstack([_skin_points(dose, 0.5) for dose in doses])
    return np.vstack([points for dataset in datasets for points in (_drawn if family == "rtstruct" else _edges)(dataset)])


def level_of(family: str, instances: Sequence[Instance]) -> float | None:
    """The value that parts body and air in PET and MR (Otsu 1979), from the originals; None for others."""
    if family != "pet_mr":
        return None
    image = sitk.GetImageFromArray(read_stacks(instances)[0].volume.array)
    found = sitk.OtsuThresholdImageFilter()
    found.Execute(image)
    return float(found.GetThreshold())


def _skin_points(image: Volume, level: float) -> np.ndarray:
    return image.geometry.to_lps(np.argwhere(skin_voxels(image.array, level)))


def _drawn(dataset: pydicom.Dataset) -> Iterator[np.ndarray]:
    for roi in dataset.StructureSetROISequence:
        for item in contours_of(dataset, int(roi.ROINumber)):
            yield from (np.array(one.ContourData, dtype=float).reshape(-1, 3) for one in item.get("ContourSequence") or [])


def _edges(dataset: pydicom.Dataset) -> Iterator[np.ndarray]:
    frames = Frames.of(dataset, np.eye(4))
    yield from map(frames.edge, frames.labels)


def registered(planned: StudyPlan) -> dict[str, np.ndarray]:
    """From each frame of reference that one registration of a study names, the matrix (4, 4) to the registered one."""
    paths = [entry.instance.path for entry in planned.entries if entry.instance.text("Modality") == "REG"]
    return {frame: matrix for path in paths for frame, matrix in frames(pydicom.dcmread(path))}


def away_mm(points: np.ndarray, surfaces: np.ndarray) -> list[float]:
    """Median and 10th percentile (mm) of the distance from points (N, 3) to the nearest of others (M, 3)."""
    found, _ = cKDTree(surfaces).query(points)
    return [round(float(value), 1) for value in np.percentile(found, (50, 10))]


def surfaces_of(result: StudyResult) -> Iterator[dict[str, object]]:
    """For each object: how far the old skin of the CT that decided in its frame of reference lies from its surface, before and after."""
    ways = registered(result.planned)
    deciding = {id(report.entry.instance) for report in result.reports if report.decision.outcome.value == "deface"}
    skins = {one.frame: old_skin(one) for one in shown(result) if id(one.before[0]) in deciding}
    for one in shown(result):
        matrix = np.eye(4) if one.frame in skins else ways.get(one.frame, np.eye(4))
        old = skins.get(one.frame, next(iter(skins.values())))
        points = (old - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
        level = level_of(one.family, one.before)
        before, after = (away_mm(points, surface(one.family, files, level)) for files in (one.before, one.after))
        yield {"object": one.name, "family": one.family, "before_mm": before, "after_mm": after}


def changed_in(mask: Volume, result: StudyResult, known: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    """For each CT, PET and MR: its voxels whose centre lies in a protected mask (bool), and how many changed.

    ``known``: from further frames of reference the matrix (4, 4) to the mask's.
    """
    ways = {**registered(result.planned), **known}
    for one in shown(result):
        if one.family not in ("ct", "pet_mr"):
            continue
        pairs = zip(*((volume(files),) if one.family == "ct" else _stacks(files) for files in (one.before, one.after)), strict=True)
        matrix = ways.get(one.frame, np.eye(4))
        counts = np.zeros(2, dtype=int)
        for before, after in pairs:
            lps = before.geometry.to_lps(np.argwhere(np.ones(before.array.shape, dtype=bool))) @ matrix[:3, :3].T + matrix[:3, 3]
            kji = np.rint(mask.geometry.to_kji(lps)).astype(int)
            seen = np.all((kji >= 0) & (kji < mask.array.shape), axis=1)
            inside = np.zeros(len(lps), dtype=bool)
            inside[seen] = mask.array[tuple(kji[seen].T)]
            counts += inside.sum(), np.count_nonzero((before.array != after.array).ravel() & inside)
        yield {"object": one.name, "protected_voxels": int(counts[0]), "changed": int(counts[1])}


def identical(result: StudyResult) -> Iterator[dict[str, object]]:
    """For each structure set and segmentation: what changed of it, and what did not: coordinates as written, pixels to the bit."""
    for one in shown(result):
        if one.family not in ("rtstruct", "seg"):
            continue
        read = _structures if one.family == "rtstruct" else _segments
        for before, after in zip(one.before, one.after, strict=True):
            old, new = (dict(read(pydicom.dcmread(instance.path))) for instance in (before, after))
            same = sorted(name for name in old if old[name] == new.get(name))
            yield {"object": one.name, "identical": same, "changed": sorted(old.keys() - set(same))}


def _structures(dataset: pydicom.Dataset) -> Iterator[tuple[str, object]]:
    for roi in dataset.StructureSetROISequence:
        items = contours_of(dataset, int(roi.ROINumber))
        yield str(roi.ROIName), [[str(value) for value in one.ContourData] for item in items for one in item.get("ContourSequence") or []]


def _segments(dataset: pydicom.Dataset) -> Iterator[tuple[str, object]]:
    """Where each frame that shows a segment lies, and its pixels; frames that show nothing count as none."""
    frames = Frames.of(dataset, np.eye(4))
    places = [tuple(item.PlanePositionSequence[0].ImagePositionPatient) for item in dataset.PerFrameFunctionalGroupsSequence]
    for label in frames.labels:
        masks = [(index, frames.mask(index, label)) for index in frames.of_label(label)]
        yield frames.names[label], [(places[k], (frames.pixels[k] * mask).tobytes()) for k, mask in masks if mask.any()]


def _stacks(instances: Sequence[Instance]) -> tuple[Volume, ...]:
    return tuple(stack.volume for stack in read_stacks(instances))


def averaging(result: StudyResult) -> Iterator[dict[str, object]]:
    """For each pair of released CTs of one frame of reference: both alone, and averaged, as far from the old skin as they are.

    The second is resampled onto the grid of the first, whose voxels stay alone where the second shows nothing. At every voxel of the
    original's skin that changed and that both show, the distance (mm) to the nearest skin: median and 10th percentile.
    """
    for one, other in combinations([one for one in shown(result) if one.family == "ct"], 2):
        if one.frame != other.frame:
            continue
        before, first, second = volume(one.before), volume(one.after), volume(other.after)
        again = _on_grid(second, first)
        seen = ~np.isnan(again)
        points = skin_voxels(before.array) & (before.array != first.array) & ndimage.binary_erosion(seen, iterations=3)
        alone = np.where(seen, again, first.array)
        mean = np.where(seen, (first.array + again) / 2, first.array)
        figures = [_nearest(points, array, first.geometry.sampling) for array in (first.array, alone, mean)]
        keys = ("one_mm", "other_mm", "averaged_mm")
        helps = len(figures[2]) > 0 and figures[2][0] < min(figures[0][0], figures[1][0]) - HELPS_MM
        yield {"pair": [one.name, other.name], "lines": int(points.sum()), **dict(zip(keys, figures, strict=True)), "helps": helps}


def _on_grid(image: Volume, like: Volume) -> np.ndarray:
    """An image on the grid of another, float32; NaN where it shows nothing."""
    out = np.empty(like.array.shape, dtype=np.float32)
    plane = np.argwhere(np.ones((1, *like.array.shape[1:]), dtype=bool))
    for k in range(len(out)):
        plane[:, 0] = k
        out[k] = linear(image.array, image.geometry.to_kji(like.geometry.to_lps(plane)), np.nan).reshape(out[k].shape)
    return out


def _nearest(points: np.ndarray, array: np.ndarray, sampling: tuple[float, ...]) -> list[float]:
    found = ndimage.distance_transform_edt(~skin_voxels(array), sampling)[points]
    return [round(float(value), 2) for value in np.percentile(found, (50, 10))] if found.size else []


def skin_voxels(array: np.ndarray, level: float = SKIN_HU) -> np.ndarray:
    """Bool: the outermost voxels of what is above ``level``, as seen from the edge of the volume."""
    labels, _ = ndimage.label(array < level)
    edge = np.unique(np.concatenate([part.ravel() for axis in range(3) for part in (labels.take(0, axis), labels.take(-1, axis))]))
    outside = np.isin(labels, edge[edge > 0])
    return ndimage.binary_dilation(outside) & ~outside
