"""Attack 4: what of the original is left that need not be there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.volume import Volume
from ..verify.compare import different_bits
from .surfaces import SKIN_LEVEL_HU, coarse, hits, sample_lines
from .window import Window

#: The skin is looked at in these depths (mm).
LAYERS_MM = (1.0, 3.0, 6.0, 9.0)


@dataclass(frozen=True)
class Residue:
    """Shares of the attacked window. ``unchanged`` by depth in mm below the original skin: voxels that are still the original's.

    ``same_surface``: lines of sight on which the result's outermost surface lies within 1 mm of the original's.
    """

    unchanged: dict[float, float]
    same_surface: float


def residue(original: Volume, result: Volume, window: Window) -> Residue:
    """Compare two CTs (HU, same grid) on the window's lines of sight."""
    changed = different_bits(original.array, result.array)
    skin = hits(sample_lines(coarse(original, window), window), SKIN_LEVEL_HU, window)
    unit = skin / np.maximum(np.linalg.norm(skin, axis=1, keepdims=True), 1e-9)
    unchanged = {}
    for depth in LAYERS_MM:
        kji = np.rint(original.geometry.to_kji(window.to_lps(skin - depth * unit))).astype(int)
        kji = np.clip(kji, 0, np.array(original.array.shape) - 1)
        unchanged[depth] = 1.0 - float(changed[tuple(kji.T)].mean()) if len(skin) else 0.0
    new = hits(sample_lines(coarse(result, window), window), SKIN_LEVEL_HU, window)
    return Residue(unchanged, _share_near(skin, new))


def _share_near(old: np.ndarray, new: np.ndarray) -> float:
    """Share of the old surface's points that the new surface has too, within 1 mm along the same line of sight."""
    if not len(old) or not len(new):
        return 0.0
    lines = [p / np.linalg.norm(p, axis=1, keepdims=True) for p in (old, new)]
    cosine = lines[0] @ lines[1].T
    twin = cosine.argmax(1)
    same_line = cosine.max(1) > 1 - 1e-9
    moved = np.abs(np.linalg.norm(old, axis=1) - np.linalg.norm(new[twin], axis=1))
    return float((same_line & (moved < 1.0)).mean())
