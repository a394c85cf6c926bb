"""Where the frames of a dose lie (PS3.3 C.8.8.3.2): offsets along their normal, or heights in the body."""

from __future__ import annotations

import numpy as np
import pytest
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.rtdose import dose_geometry
from header_objects import item

#: Directions of rows and columns: head first supine, head first prone, feet first supine, feet first prone.
TRANSVERSE = [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (-1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0)]


def grid_of(offsets, axes, height=-50.0):
    """The grid of a dose of small frames."""
    values = {"ImageOrientationPatient": list(axes), "ImagePositionPatient": [10.0, 20.0, height], "PixelSpacing": [3.0, 2.0]}
    return dose_geometry(item(NumberOfFrames=len(offsets), GridFrameOffsetVector=list(offsets), Rows=4, Columns=5, **values))


def heights(grid):
    """The z of the first voxel of each frame."""
    return grid.to_lps(np.column_stack([np.arange(grid.shape[0]), np.zeros((grid.shape[0], 2))]))[:, 2]


@pytest.mark.parametrize("axes", TRANSVERSE)
@pytest.mark.parametrize("step", [2.5, -2.5])
def test_offsets_that_begin_with_the_height_of_the_first_frame_are_heights(axes, step):
    told = -50.0 + step * np.arange(4)
    np.testing.assert_allclose(heights(grid_of(told, axes)), told)


@pytest.mark.parametrize("axes", TRANSVERSE)
def test_offsets_that_begin_with_zero_lead_along_the_normal(axes):
    normal = np.cross(axes[:3], axes[3:])
    np.testing.assert_allclose(heights(grid_of([0.0, 2.5, 5.0], axes)), -50.0 + normal[2] * np.array([0.0, 2.5, 5.0]))


def test_offsets_of_sagittal_frames_lead_along_their_normal_whatever_they_begin_with():
    grid = grid_of([-50.0, -47.0, -44.0], (0, 1, 0, 0, 0, -1))
    np.testing.assert_allclose(grid.to_lps(np.array([[2, 0, 0]]))[0], (4.0, 20.0, -50.0))


@pytest.mark.parametrize("offsets", [[0.0], [0.0, 3.0, 7.0], [0.0, 0.0]])
def test_frames_at_uneven_distances_are_a_doubt(offsets):
    with pytest.raises(DoubtError, match="equal distances"):
        grid_of(offsets, TRANSVERSE[0])
