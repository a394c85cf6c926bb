"""To which CTs of a plan belongs what somebody gives for one of them: by its frame of reference, or by the places of its voxels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..core.errors import FaceDeidError, InputError
from ..core.geometry import Geometry
from ..core.volume import Volume
from ..input.ct import read_ct
from ..input.dicom_segments import frames_of_file
from ..input.images import image_extension, image_header
from ..input.place import lies_on
from ..input.slice_planes import SlicePlane
from .elsewhere import show_the_same
from .family import NO_FRAME, Series
from .outcome import Outcome
from .own_frames import placed, planes_of
from .plan import StudyPlan
from .staging import staged


@dataclass(frozen=True, eq=False)
class CtFrames:
    """The frames of reference of the CTs of a plan, each with the CT series that lie in it."""

    series: Mapping[str, tuple[Series, ...]]
    #: UIDs of the studies in which each lies.
    studies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Of frames whose CTs were compared, whether they show one head.
    _one_head: dict[frozenset[str], bool] = field(default_factory=dict)
    _planes: dict[str, Mapping[str, SlicePlane]] = field(default_factory=dict)
    #: Of files that were asked for, in which frames they count.
    _places: dict[Path, frozenset[str]] = field(default_factory=dict)
    #: Sentences about the files whose segments were read, in their order.
    notes: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, studies: Sequence[StudyPlan]) -> CtFrames:
        """Those of the CTs that are to be released."""
        found: dict[str, tuple[Series, ...]] = {}
        homes: dict[str, frozenset[str]] = {}
        for study in studies:
            for series in study.study.series:
                if series.family == "ct" and any(one.outcome is not Outcome.WITHHOLD for one in study.decisions(series)):
                    found[series.frame] = (*found.get(series.frame, ()), series)
                    homes[series.frame] = homes.get(series.frame, frozenset()) | {study.study.uid}
        return cls(found, homes)

    def of_file(self, path: Path) -> frozenset[str]:
        """The frames in which a file of segments counts: the only one, those that it names, or that of the CT on whose voxels it lies.

        :raises InputError: there are several, and it belongs to none of them, or nobody can tell to which; see also ``image_header`` and
            ``frames_of_file``.
        """
        if len(self.series) < 2:
            return frozenset(self.series)
        if path not in self._places:
            self._places[path] = self._places_of(path)
        return self._places[path]

    def _places_of(self, path: Path) -> frozenset[str]:
        """As ``of_file``, of several frames."""
        is_image = image_extension(path) is not None
        grid = image_header(path).geometry if is_image else None
        found = (
            frames_of_file(path, self.series, lambda frame: (self.uid_of(frame), self.planes_in(frame))) if grid is None else self.at(grid)
        )
        many = f"the {len(self.series)} frames of reference that the CTs lie in"
        if not found:
            raise InputError(
                f"{path.name} belongs to none of {many}: give the segmentation of one of these CTs, as DICOM with its frame of reference, "
                "or as an image file on its voxels."
            )
        if grid is not None and len(found) > 1 and not (self._is_one_nameless(found) or self._show_one_head(found, grid)):
            raise InputError(
                f"{path.name} lies on the voxels of CTs in {len(found)} of {many}, and does not say which it belongs to: give a DICOM SEG "
                "or an RTSTRUCT, or each CT a folder of its own."
            )
        return found

    def planes_in(self, frame: str) -> Mapping[str, SlicePlane]:
        """Where the slices of the CTs in a frame of reference lie, by SOP instance UID."""
        if frame not in self._planes:
            self._planes[frame] = planes_of(self.series.get(frame, ()))
        return self._planes[frame]

    def _is_one_nameless(self, frames: frozenset[str]) -> bool:
        """True for CTs of one study that name no frame of reference: what lies on the voxels of each is meant for all of them."""
        homes = {home for frame in frames for home in self.studies.get(frame, ())}
        return len(homes) == 1 and all(frame.startswith(NO_FRAME) for frame in frames)

    def _show_one_head(self, frames: frozenset[str], grid: Geometry) -> bool:
        """True for CTs on whose voxels a grid lies and that show the very same head, though each has a frame of reference of its own.

        Some anonymisers give every series one.
        """
        if frames not in self._one_head:
            shown = [_shown(next(self.on(frame, grid))) for frame in sorted(frames)]
            self._one_head[frames] = None not in shown and all(show_the_same(shown[0], other) for other in shown[1:])
        return self._one_head[frames]

    def told(self, path: Path) -> str:
        """For which CTs a file of segments counts, in a line."""
        return f"{path.name} counts for {', '.join(series.label for frame in sorted(self.of_file(path)) for series in self.series[frame])}"

    def at(self, grid: Geometry) -> frozenset[str]:
        """Those in which a CT has its voxels where a grid, or a part that was cut out of the CT's, has them."""
        return frozenset(frame for frame in self.series if any(self.on(frame, grid)))

    def on(self, frame: str, grid: Geometry) -> Iterator[Series]:
        """The CT series of a frame of reference on whose voxels a grid lies."""
        return (series for series in self.series[frame] if (own := self._grids[id(series)]) is not None and lies_on(grid, own))

    def grid_of(self, frame: str) -> Geometry | None:
        """The grid of the first CT in a frame of reference whose headers give one."""
        return next((own for series in self.series[frame] if (own := self._grids[id(series)]) is not None), None)

    @staticmethod
    def uid_of(frame: str) -> str:
        """The UID of a frame of reference; empty where its CT names none."""
        return "" if frame.startswith(NO_FRAME) else frame

    @cached_property
    def _grids(self) -> dict[int, Geometry | None]:
        return {id(series): _grid_of(series) for own in self.series.values() for series in own}


def _shown(series: Series) -> Volume | None:
    """The voxels of a CT; None where it cannot be read, as whoever reads it again says."""
    try:
        with staged(series.instances) as folder:
            return read_ct(folder).volume
    except FaceDeidError:
        return None


def _grid_of(series: Series) -> Geometry | None:
    """The grid of a series by its headers; None where they give none."""
    there = placed(series)
    return None if there is None else there.geometry
