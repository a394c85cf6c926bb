"""MRML nodes from the project's vocabulary and back: the one place to import the conversions from."""

from __future__ import annotations

from .markups import (
    add_curve,
    add_landmarks,
    add_skin_model,
    curve_points_from_node,
    fill_curve,
    fill_landmarks,
    fill_skin,
    landmarks_from_node,
    nearest_on_surface,
    ras,
    surface_lps_from_node,
)
from .segmentations import (
    FACE_COLOR,
    PROTECTED_COLOR,
    StoredSegment,
    add_segmentation,
    add_segments,
    drafts,
    draw_surface,
    fill_segmentation,
    read_stored,
    segment_roles,
    segments_from_node,
    stored_segments,
)
from .volumes import add_ct, fill_ct, image_of, volume_from_node

__all__ = [
    "FACE_COLOR",
    "PROTECTED_COLOR",
    "StoredSegment",
    "add_ct",
    "add_curve",
    "add_landmarks",
    "add_segmentation",
    "add_segments",
    "add_skin_model",
    "curve_points_from_node",
    "drafts",
    "draw_surface",
    "fill_ct",
    "fill_curve",
    "fill_landmarks",
    "fill_segmentation",
    "fill_skin",
    "image_of",
    "landmarks_from_node",
    "nearest_on_surface",
    "ras",
    "read_stored",
    "segment_roles",
    "segments_from_node",
    "stored_segments",
    "surface_lps_from_node",
    "volume_from_node",
]
