"""Attack 3: undo the effect, then look again. What comes back is attacked like any other volume."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from ..core.geometry import Geometry
from ..core.volume import AIR_HU, Volume, resample
from ..effect.records import record_of
from .gallery import field_values
from .surfaces import coarse, hits, sample_lines
from .window import FAR_MM, NEAR_MM, STEP_MM, Window

#: Standard deviations (mm) that the attacker guesses for a blur.
GUESSED_SIGMA_MM = (6.0, 12.0)
#: Noise power over signal power in the Wiener filter.
WIENER_NOISE = 1e-3
RICHARDSON_LUCY_ITERATIONS = 20
#: Thickness (mm) that is put back on a cut surface: the depth of this project's face segment, and of published skin shells.
SHELLS_MM = (6.0, 12.0)
#: The skin is looked for at this level (HU), the fill in so many mm behind it.
SKIN_HU = -300.0
FILL_MM = 7.5
#: A voxel belongs to the fill where its median over this radius (mm) is near the fill's median, in the fill's own deviations.
FILL_RADIUS_MM = 4.0
FILL_DEVIATIONS = 1.5

#: Standard deviation (mm) of the Gaussian within slices, and edge of the blocks (mm), that other tools use (RSNA Anonymizer, LUWAKX).
IN_PLANE_MM = 8.0
BLOCK_MM = 8.5

Reversal = Callable[[Volume, Window], Volume]


def wiener(sigma_mm: float, in_plane: bool = False) -> Reversal:
    """Wiener deconvolution of a Gaussian of ``sigma_mm``, one within slices alone where ``in_plane``."""

    def undo(ct: Volume, window: Window) -> Volume:
        volume = coarse(ct, window)
        sigma = (0.0 if in_plane else sigma_mm, sigma_mm, sigma_mm)
        pad = [(int(3 * sigma_mm / s),) * 2 for s in volume.geometry.sampling]
        array = np.pad(volume.array, pad, mode="edge")
        transfer = _transfer(array.shape, volume, sigma)
        spectrum = np.fft.rfftn(array) * transfer / (transfer**2 + WIENER_NOISE)
        restored = np.fft.irfftn(spectrum, array.shape, axes=(0, 1, 2))[
            tuple(slice(a, n - b) for (a, b), n in zip(pad, array.shape, strict=True))
        ]
        return volume.with_array(restored.astype(np.float32))

    return undo


def richardson_lucy(sigma_mm: float) -> Reversal:
    """Richardson-Lucy deconvolution of a Gaussian of ``sigma_mm`` (Richardson 1972, Lucy 1974) on HU above air."""

    def undo(ct: Volume, window: Window) -> Volume:
        volume = coarse(ct, window)
        sigma = sigma_mm / np.array(volume.geometry.sampling)
        seen = volume.array - AIR_HU + 30.0
        guess = seen.copy()
        for _ in range(RICHARDSON_LUCY_ITERATIONS):
            ratio = seen / np.maximum(ndimage.gaussian_filter(guess, sigma, mode="nearest"), 1.0)
            guess *= ndimage.gaussian_filter(ratio, sigma, mode="nearest")
        return volume.with_array(guess + AIR_HU - 30.0)

    return undo


def shell(thickness_mm: float) -> Reversal:
    """A layer of ``thickness_mm`` put back onto whatever surface is there."""

    def undo(ct: Volume, window: Window) -> Volume:
        volume = coarse(ct, window)
        away = ndimage.distance_transform_edt(volume.array < SKIN_HU, sampling=volume.geometry.sampling)
        return volume.with_array(np.clip(200.0 * (thickness_mm - away), AIR_HU, 0.0).astype(np.float32))

    return undo


def without_fill(ct: Volume, window: Window) -> Volume:
    """The fill found from its own values right behind the surface, and taken away: what it was put over comes to light."""
    volume = coarse(ct, window)
    lines = sample_lines(volume, window)
    points = hits(lines, SKIN_HU, window)
    if not len(points):
        return volume
    length = np.linalg.norm(points, axis=1, keepdims=True)
    depths = np.arange(2 * STEP_MM, FILL_MM, STEP_MM)
    behind = (points[:, None] * (1 - depths[None, :, None] / length[:, None])).reshape(-1, 3)
    values = ndimage.map_coordinates(volume.array, volume.geometry.to_kji(window.to_lps(behind)).T, order=1, mode="nearest")
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    size = [2 * max(1, round(FILL_RADIUS_MM / s)) + 1 for s in volume.geometry.sampling]
    local = ndimage.median_filter(volume.array, size)
    fill = np.abs(local - middle) < FILL_DEVIATIONS * max(spread, 10.0)
    return volume.with_array(np.where(fill, AIR_HU, volume.array).astype(np.float32))


def in_blocks(ct: Volume, block_mm: float) -> tuple[int, int, int]:
    """Voxels per block of that edge along (k, j, i), at least two in a slice: what a tool that pixelates makes of its blocks."""
    k, j, i = (max(1, round(block_mm / step)) for step in ct.geometry.sampling)
    return k, max(2, j), max(2, i)


def from_corners(ct: Volume, window: Window) -> Volume:
    """Pixelation by nearest neighbour undone: every block holds the true value of its first voxel, and these are interpolated."""
    steps = in_blocks(ct, BLOCK_MM)
    scale = np.diag([*steps[::-1], 1.0])
    corners = ct.array[tuple(slice(None, None, n) for n in steps)].astype(np.float32)
    volume = Volume(corners, Geometry(corners.shape, ct.geometry.ijk_to_lps @ scale))
    ends = window.to_lps(np.vstack([window.unit * NEAR_MM, window.unit * FAR_MM]))
    part = volume.crop(volume.geometry.box_around(ends, margin_mm=20.0))
    fine = tuple((n - 1) * step + 1 for n, step in zip(part.array.shape, steps, strict=True))
    places = np.meshgrid(*(np.arange(n) / step for n, step in zip(fine, steps, strict=True)), indexing="ij")
    array = ndimage.map_coordinates(np.clip(part.array, AIR_HU, 3071), places, order=3, mode="nearest")
    return coarse(Volume(array.astype(np.float32), Geometry(fine, part.geometry.ijk_to_lps @ np.linalg.inv(scale))), window)


_DECONVOLUTIONS: dict[str, Reversal] = {
    **{f"Wiener {sigma:g} mm": wiener(sigma) for sigma in GUESSED_SIGMA_MM},
    **{f"Richardson-Lucy {sigma:g} mm": richardson_lucy(sigma) for sigma in GUESSED_SIGMA_MM},
}
_SHELLS: dict[str, Reversal] = {f"shell of {thickness:g} mm": shell(thickness) for thickness in SHELLS_MM}
_FILL: dict[str, Reversal] = {"without fill": without_fill}
_OTHER_TOOLS: dict[str, Reversal] = {
    "block corners": from_corners,
    f"Wiener in plane {IN_PLANE_MM:g} mm": wiener(IN_PLANE_MM, in_plane=True),
}
ALL_REVERSALS: dict[str, Reversal] = {**_DECONVOLUTIONS, **_SHELLS, **_FILL, **_OTHER_TOOLS}


def reversals_of(effect: str) -> dict[str, Reversal]:
    """What fits an effect, as its row says; everything where it says nothing."""
    names = record_of(effect).reversals
    return ALL_REVERSALS if names is None else {name: ALL_REVERSALS[name] for name in names}


def _transfer(shape: tuple[int, ...], volume: Volume, sigma_mm: tuple[float, float, float]) -> np.ndarray:
    """Transfer function of the Gaussian (standard deviation along k, j, i) for ``rfftn`` of an array of that shape."""
    steps = volume.geometry.sampling
    axes = [np.fft.fftfreq(n, s) for n, s in zip(shape[:2], steps[:2], strict=True)] + [np.fft.rfftfreq(shape[2], steps[2])]
    square = sum((f * sigma) ** 2 for f, sigma in zip(np.meshgrid(*axes, indexing="ij"), sigma_mm, strict=True))
    return np.exp(-2 * np.pi**2 * square)


def recovered_mm(ct: Volume, window: Window, skin: np.ndarray) -> float:
    """Mean distance (mm) of the volume's surface at SKIN_HU to the true skin in the true pose, best common offset taken off.

    ``skin`` is the field of the original (see gallery.skin_field). NaN where no surface is seen.
    """
    points = hits(sample_lines(coarse(ct, window), window), SKIN_HU, window)
    if not len(points):
        return float("nan")
    values = field_values(skin, points)
    return float(np.mean(np.abs(values - np.median(values))))


def in_place(recovered: Volume, ct: Volume) -> Volume:
    """A recovered part (any grid) in its place in the CT that it came from, on the CT's grid, float32."""
    array = resample(recovered, ct.geometry, fill=np.nan).array
    return ct.with_array(np.where(np.isnan(array), ct.array, array).astype(np.float32))
