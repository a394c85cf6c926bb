"""A draft of a segment's closed surface: made of every so many voxels, in a small part of the whole one's time.

It says of itself that it is one, so that whatever brings it back (Undo, another CT that is turned to) is known for a draft.
"""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

from ..core.geometry import Geometry
from ..core.segment import BoxMask
from ..core.volume import block_factors
from .matrices import matrix_from_array

#: So far apart (mm) the voxels are at most; the skin on which a face segment lies is known every 1.5 mm.
_DRAFT_MM = 2.0
#: The array in a surface's field data by which it is known for a draft.
_MARK = "FaceDeidLN.draft"


def draft_surface(mask: BoxMask, geometry: Geometry, ijk_to_ras: np.ndarray) -> vtkPolyData:
    """The surface of every so many voxels of a mask on the grid ``geometry``, whose indices ``ijk_to_ras`` takes to the place on view."""
    factors = block_factors(geometry, _DRAFT_MM)
    first = [factor // 2 for factor in factors]
    some = np.pad(mask.array[tuple(slice(at, None, factor) for at, factor in zip(first, factors, strict=True))], 1)
    start = [low + at - factor for low, at, factor in zip(mask.box.start, first, factors, strict=True)]
    image = vtkImageData()
    image.SetDimensions(*some.shape[::-1])
    image.SetOrigin(*start[::-1])  # in voxels of the grid
    image.SetSpacing(*factors[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(some.reshape(-1).view(np.uint8), deep=True))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    nets.SetValue(0, 1)
    transform = vtkTransform()
    transform.SetMatrix(matrix_from_array(ijk_to_ras))
    placed = vtkTransformPolyDataFilter()
    placed.SetTransform(transform)
    placed.SetInputConnection(nets.GetOutputPort())
    placed.Update()
    surface, mark = placed.GetOutput(), vtkUnsignedCharArray()
    mark.SetName(_MARK)
    mark.InsertNextValue(1)
    surface.GetFieldData().AddArray(mark)
    return surface


def is_draft(surface: vtkPolyData | None) -> bool:
    """Whether a surface is a draft."""
    return surface is not None and surface.GetFieldData().GetArray(_MARK) is not None
