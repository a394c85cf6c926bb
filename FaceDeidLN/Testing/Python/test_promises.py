"""The two promises under random geometry: a head turned any way, protected blobs on grids of their own, faces drawn at random."""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.anatomy.face_frame import fit_frame
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.landmarks import Landmark, Landmarks
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.pipeline import deface
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


def moved(phantom, angles, shift) -> tuple[Volume, Landmarks]:
    """The phantom and its landmarks after a rigid motion of the world: another affine for the same voxels."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    motion[:3, 3] = shift
    ct = Volume(phantom.ct.array, Geometry(phantom.ct.array.shape, motion @ phantom.ct.geometry.ijk_to_lps))
    points = {p.name: Landmark(p.name, motion[:3, :3] @ p.position + motion[:3, 3], source="user") for p in phantom.landmarks}
    return ct, Landmarks(points)


def blob(centre, angles, spacing, radius) -> Segment:
    """A ball on a small grid that is turned against everything."""
    count = int(np.ceil(2 * radius / min(spacing))) + 3
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.array(spacing)
    matrix[:3, 3] = centre - matrix[:3, :3] @ np.full(3, (count - 1) / 2)
    grid = Geometry((count,) * 3, matrix)
    points = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))
    ball = np.linalg.norm(points - centre, axis=1) <= radius
    ball[np.argmin(np.linalg.norm(points - centre, axis=1))] = True
    return Segment("blob", Volume(ball.reshape(grid.shape), grid))


def inside(segment: Segment, ct: Volume) -> np.ndarray:
    """The CT's voxels whose centre lies in a voxel of the segment: by plain lookup."""
    grid, mask = segment.mask.geometry, segment.mask.array
    kji = np.rint(grid.to_kji(ct.geometry.to_lps(np.argwhere(np.ones(ct.array.shape, dtype=bool))))).astype(int)
    here = np.all((kji >= 0) & (kji < mask.shape), axis=1)
    out = np.zeros(len(kji), dtype=bool)
    out[here] = mask[tuple(kji[here].T)]
    return out.reshape(ct.array.shape)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    head=ANGLES,
    shift=st.tuples(*[st.floats(-200, 200)] * 3),
    grid=ANGLES,
    spacing=st.tuples(*[st.floats(0.6, 5.0)] * 3),
    place=st.tuples(st.floats(-45, 45), st.floats(70, 115), st.floats(-75, 45)),
    radius=st.floats(0.5, 14.0),
    face=st.tuples(st.floats(0.5, 1.15), st.floats(-15, 15), st.floats(-15, 15)),
)
def test_both_promises_hold_under_random_geometry(phantom, head, shift, grid, spacing, place, radius, face):
    ct, landmarks = moved(phantom, head, shift)
    frame = fit_frame(landmarks)
    node = blob(frame.to_lps(np.array([place]))[0], grid, spacing, radius)
    size, left, up = face
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    outline = np.stack([left + size * 60 * np.cos(angle), np.full(16, 85.0), up + size * 75 * np.sin(angle)], axis=1)
    request = Request(ct, (node,), landmarks, frame.to_lps(outline), parameters=Parameters(effect="mask", levels=(), protect_margin_mm=0.0))
    result = deface(request)
    assert result.result is not None, result.reasons
    changed = result.result.array != ct.array
    assert changed.any()
    assert not (changed & inside(node, ct)).any()
    assert not (changed & ~result.face.segment.full(ct.array.shape)).any()
