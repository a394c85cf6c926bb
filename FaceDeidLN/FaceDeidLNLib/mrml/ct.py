"""The CT of a node as the pipeline works on it: padding is air, a cone beam's values are HU; and results in the node's own values."""

from __future__ import annotations

from pathlib import Path

import slicer

from ..core.volume import Volume
from ..input.calibration import calibrated
from ..input.case import CtInput
from ..input.padding import without_padding
from .volumes import volume_from_node


def ct_of_node(node: slicer.vtkMRMLScalarVolumeNode | None, by_hand: bool = False) -> CtInput:
    """What a volume's node holds, in world LPS; ``input.calibration`` takes results back to its own values.

    :param by_hand: a person placed landmarks, so that values may be no HU, as those of a cone beam: they are calibrated.
    :raises InputError: no voxels, or several values per voxel. :raises FaceDeidError: a parent transform is not linear.
    """
    return ct_of_values(volume_from_node(node), node.GetID(), by_hand)


def ct_of_values(values: Volume, identifier: str, by_hand: bool = False) -> CtInput:
    """As ``ct_of_node``, of a node's voxels and its id: without the scene, so that it can be done beside the window."""
    volume, padding = without_padding(values)
    ct = CtInput(volume, Path(f"/{identifier}"), "node", padding=padding)
    return calibrated(ct) if by_hand else ct
