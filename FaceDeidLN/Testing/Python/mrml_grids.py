"""Grids and nodes that the tests of the border to MRML share."""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.mrml.matrices import matrix_from_array
from scipy.spatial.transform import Rotation


def tilted(shape=(4, 5, 6)):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (10, -25, 40), degrees=True).as_matrix() @ np.diag((0.7, -1.2, 3.0))
    matrix[1, 2] += 0.5
    matrix[:3, 3] = (11.0, -7.0, 300.0)
    return Geometry(shape, matrix)


def linear_transform(here):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", (5, 80, -30), degrees=True).as_matrix()
    matrix[:3, 3] = (20.0, -30.0, 40.0)
    node = here.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    node.SetMatrixTransformToParent(matrix_from_array(matrix))
    return node


def numbers(shape, dtype=np.int16):
    return (np.arange(np.prod(shape)).reshape(shape) * 7 - 1000).astype(dtype)
