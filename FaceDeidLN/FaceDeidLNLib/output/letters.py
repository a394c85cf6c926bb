"""Text on little pictures, and PNG files, made with VTK, which takes a tenth of a second to load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import vtkmodules.vtkRenderingFreeType  # noqa: F401  without it the text renderer draws nothing
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOImage import vtkPNGWriter
from vtkmodules.vtkRenderingCore import vtkTextProperty, vtkTextRenderer

from ..core.errors import OutputError
from .drawing import FAINT, INK, PAPER, Color, blend

_DPI = 72
#: Of zlib: a shaded picture is a hundredth part smaller with VTK's own 5, for twice the time.
_PNG_LEVEL = 2
#: Height of a line with a caption at the top of a picture.
_CAPTION_PX = 24


def text_image(text: str, size_px: int = 14) -> np.ndarray:
    """The coverage (height, width) 0..1 of a line of text."""
    style, picture, used = vtkTextProperty(), vtkImageData(), [0, 0]
    style.SetFontSize(size_px)
    if not text or not vtkTextRenderer.GetInstance().RenderString(style, text, picture, used, _DPI):
        return np.zeros((size_px, 0))
    width, height, _ = picture.GetDimensions()
    rgba = vtk_to_numpy(picture.GetPointData().GetScalars()).reshape(height, width, -1)
    # VTK's rows go upwards, and the picture is padded to a power of two behind the text.
    return rgba[: used[1], : used[0], 3][::-1].astype(float) / 255.0


def write_text(picture: np.ndarray, text: str, x: int, y: int, color: Color = INK, size_px: int = 14) -> None:
    """Draw a line of text into a (height, width, 3) picture; (x, y) is its upper left corner. What does not fit is cut."""
    mask = text_image(text, size_px)
    height, width = picture.shape[:2]
    halo = 0.7 * ndimage.maximum_filter(np.pad(mask, 1), size=3)  # so that it can be read on bright skin, too
    for weight, shade, left, top in ((halo, PAPER, x - 1, y - 1), (mask, color, x, y)):
        seen = weight[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
        row, column = max(top, 0), max(left, 0)
        blend(picture[row : row + seen.shape[0], column : column + seen.shape[1]], seen, shade)


def edge_letters(picture: np.ndarray, left: str, right: str, top: str, bottom: str) -> None:
    """Write the patient's directions at the four borders of a picture, in place; the top one leaves room for a caption."""
    height, width = picture.shape[:2]
    for text, across, down in ((left, 0.0, 0.5), (right, 1.0, 0.5), (top, 0.5, 0.0), (bottom, 0.5, 1.0)):
        box = text_image(text, 13).shape
        row = _CAPTION_PX if down == 0.0 else int(5 + down * (height - 12 - box[0]))
        write_text(picture, text, int(4 + across * (width - 8 - box[1])), row, FAINT, 13)


def write_png(picture: np.ndarray, path: Path) -> None:
    """Write a picture (height, width, 3) uint8 as PNG.

    :raises OutputError: the file cannot be written.
    """
    image = vtkImageData()
    image.SetDimensions(picture.shape[1], picture.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True))
    writer = vtkPNGWriter()
    writer.SetCompressionLevel(_PNG_LEVEL)
    writer.SetWriteToMemory(True)
    writer.SetInputData(image)
    writer.Write()
    try:
        Path(path).write_bytes(bytes(vtk_to_numpy(writer.GetResult())))
    except OSError as error:
        raise OutputError(f"The picture {path} cannot be written: {error.strerror}.") from error
