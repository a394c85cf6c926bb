"""Little pictures made of arrays: tints, outlines, rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Color = tuple[int, int, int]
PAPER: Color = (24, 27, 31)
INK: Color = (232, 232, 228)
FAINT: Color = (150, 155, 160)


def blend(picture: np.ndarray, weight: np.ndarray, color: Color) -> None:
    """Mix ``color`` into a picture (height, width, 3) in place with a weight (height, width) of 0..1."""
    picture[:] = np.rint(picture * (1 - weight[..., None]) + np.asarray(color, dtype=float) * weight[..., None]).astype(np.uint8)


def outline(picture: np.ndarray, mask: np.ndarray, color: Color) -> None:
    """Draw the border of a mask (height, width), one pixel wide and inside it, in place."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    picture[mask & ~inner] = color


def direction_letters(lps: np.ndarray) -> str:
    """The patient's letters (L R A P S I) of a direction, the strongest first, those within 67.5 degrees."""
    lps = np.asarray(lps, dtype=float) / np.linalg.norm(lps)
    order = np.argsort(-np.abs(lps), kind="stable")
    return "".join("LPS"[axis] if lps[axis] > 0 else "RAI"[axis] for axis in order if abs(lps[axis]) > 0.3827)


def grid(rows: Sequence[Sequence[np.ndarray]], gap: int = 6) -> np.ndarray:
    """Pictures side by side and row under row, each row aligned at its top, on the paper's colour."""
    lines = [_joined(row, 1, gap) for row in rows if row]
    return _joined(lines, 0, gap)


def _joined(pictures: Sequence[np.ndarray], axis: int, gap: int) -> np.ndarray:
    other = 1 - axis
    side = max(p.shape[other] for p in pictures)
    parts: list[np.ndarray] = []
    for picture in pictures:
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[other] = (0, side - picture.shape[other])
        pad[axis] = (gap if parts else 0, 0)
        parts.append(_padded(picture, pad))
    return np.concatenate(parts, axis=axis)


def _padded(picture: np.ndarray, pad: Sequence[tuple[int, int]]) -> np.ndarray:
    out = np.empty([n + a + b for n, (a, b) in zip(picture.shape, pad, strict=True)], dtype=np.uint8)
    out[: pad[0][0]] = out[out.shape[0] - pad[0][1] :] = out[:, : pad[1][0]] = out[:, out.shape[1] - pad[1][1] :] = PAPER
    out[pad[0][0] : pad[0][0] + picture.shape[0], pad[1][0] : pad[1][0] + picture.shape[1]] = picture
    return out


def blank(width: int, height: int) -> np.ndarray:
    """An empty picture (height, width, 3) in the paper's colour."""
    return _padded(np.empty((0, 0, 3), dtype=np.uint8), [(0, height), (0, width), (0, 0)])
