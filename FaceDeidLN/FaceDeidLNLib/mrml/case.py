"""One case as nodes: what the pipeline found and made, put into a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ..anatomy.skin import skin_surface
from ..core.landmarks import Landmarks
from ..core.segment import BoxMask
from ..core.volume import Volume
from ..pipeline import CaseResult
from ..verify.verdict import Verdict
from .nodes import FACE_COLOR, add_ct, add_curve, add_landmarks, add_segmentation, add_skin_model, fill_ct
from .scene import SceneContext

RELEASED_SUFFIX = "de-identified"
#: A result that did not pass may be looked at, and its name says in every list that it is nothing else.
NOT_RELEASED_SUFFIX = "NOT RELEASED"
#: Attribute of a result's node: "1" where it may leave, "0" where not; saved with the scene.
RELEASED_ATTRIBUTE = "FaceDeidLN.Released"


@dataclass(frozen=True, eq=False)
class CaseMaterial:
    """What there is to show of a case; whatever the work did not come to is None or empty.

    Volumes and masks share the CT's grid; ``curve`` are control points (N, 3) and ``skin`` is a surface, both LPS mm.
    """

    ct: Volume
    result: Volume | None = None
    face: BoxMask | None = None
    protected: Sequence[BoxMask] = ()
    landmarks: Landmarks | None = None
    curve: np.ndarray | None = None
    skin: vtk.vtkPolyData | None = None
    #: False: the result is for looking only, and its node's name says so.
    released: bool = False
    title: str = ""


@dataclass(frozen=True, eq=False)
class CaseNodes:
    """The nodes of a case; None for what there is not."""

    ct: slicer.vtkMRMLScalarVolumeNode
    result: slicer.vtkMRMLScalarVolumeNode | None
    face: slicer.vtkMRMLSegmentationNode | None
    protected: slicer.vtkMRMLSegmentationNode | None
    landmarks: slicer.vtkMRMLMarkupsFiducialNode | None
    curve: slicer.vtkMRMLMarkupsClosedCurveNode | None
    skin: slicer.vtkMRMLModelNode | None


def material_of(ct: Volume, case: CaseResult, released: bool) -> CaseMaterial:
    """What a pipeline's result shows of its case; ``released`` says whether the result may leave."""
    reasons = "; ".join(case.reasons)
    return CaseMaterial(
        ct=ct,
        result=case.result,
        face=None if case.face is None else case.face.segment,
        protected=(*case.protected, *(level.mask for level in case.levels)),
        landmarks=case.landmarks,
        curve=None if case.face is None else case.face.curve.control,
        skin=None if case.anatomy is None else skin_surface(case.anatomy.depth),
        released=released and case.verdict is Verdict.PASS,
        title=f"{case.verdict.value}{': ' if reasons else ''}{reasons}",
    )


def add_case(
    context: SceneContext,
    material: CaseMaterial,
    ct_node: slicer.vtkMRMLScalarVolumeNode | None = None,
    result_node: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> CaseNodes:
    """Put a case into a scene.

    ``ct_node`` is the CT where it is there already: its parent transform is everybody's. ``result_node`` takes the
    result instead of a new node, and is renamed like one.
    """
    ct = ct_node or add_ct(context, material.ct, "CT")
    name, grid = ct.GetName(), material.ct.geometry
    skin = None if material.skin is None else add_skin_model(context, material.skin, f"{name} skin", ct)
    has_landmarks, has_curve = material.landmarks is not None, material.curve is not None and len(material.curve) > 0
    return CaseNodes(
        ct=ct,
        result=None if material.result is None else _result_node(context, material, ct, result_node),
        face=None if material.face is None else _face_node(context, material, f"{name} face", ct),
        protected=add_segmentation(context, material.protected, grid, f"{name} protected", None, ct) if material.protected else None,
        landmarks=add_landmarks(context, material.landmarks, f"{name} landmarks", ct) if has_landmarks else None,
        curve=add_curve(context, material.curve, f"{name} face curve", ct, skin) if has_curve else None,
        skin=skin,
    )


def _result_node(
    context: SceneContext,
    material: CaseMaterial,
    ct: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLScalarVolumeNode | None,
) -> slicer.vtkMRMLScalarVolumeNode:
    name = f"{ct.GetName()} {RELEASED_SUFFIX if material.released else NOT_RELEASED_SUFFIX}"
    if node is None:
        node = add_ct(context, material.result, name, ct)
    else:
        fill_ct(node, material.result, ct)
        node.SetName(name)
    node.SetAttribute(RELEASED_ATTRIBUTE, "1" if material.released else "0")
    return node


def _face_node(context: SceneContext, material: CaseMaterial, name: str, ct: slicer.vtkMRMLVolumeNode) -> slicer.vtkMRMLSegmentationNode:
    colors = {material.face.name: FACE_COLOR}
    return add_segmentation(context, [material.face], material.ct.geometry, name, colors, ct)
