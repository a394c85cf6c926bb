"""One case as nodes: what the pipeline found and made, put into a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData

from ..anatomy.skin import skin_surface
from ..case.records import CaseResult
from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.landmarks import Landmarks
from ..core.progress import Alive, idle
from ..core.segment import BoxMask
from ..core.volume import Volume
from ..facts import facts_of
from ..verify.verdict import Verdict
from .as_made import forget_as_made, note_as_made, was_noted
from .candidates import is_made_here, made_here
from .nodes import (
    FACE_COLOR,
    add_ct,
    add_curve,
    add_landmarks,
    add_segmentation,
    add_skin_model,
    fill_ct,
    fill_curve,
    fill_segmentation,
    fill_skin,
)
from .scene import SceneContext
from .verdicts import mark


@dataclass(frozen=True, eq=False)
class CaseMaterial:
    """What there is to show of a case; whatever the work did not come to is None or empty.

    Volumes and masks share the CT's grid; ``curve`` are control points (N, 3) and ``skin`` is a surface, both LPS mm. The last
    ``levels`` of ``protected`` are node levels, which nobody drew.
    """

    ct: Volume
    result: Volume | None = None
    face: BoxMask | None = None
    protected: Sequence[BoxMask] = ()
    levels: int = 0
    landmarks: Landmarks | None = None
    curve: np.ndarray | None = None
    skin: vtkPolyData | None = None
    #: False: the result is for looking only, and its node's name says so.
    released: bool = False
    title: str = ""
    #: The result's figures (``facts``), which tell of the original face.
    figures: dict[str, Any] | None = None
    #: The result's voxels as its node takes them; None: made when it is put into a scene.
    image: vtkImageData | None = None
    #: Which of "curve" and "face" are a person's own: nothing makes them anew by itself.
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class CaseNodes:
    """The nodes of a case; None for what there is not."""

    ct: slicer.vtkMRMLScalarVolumeNode | None = None
    result: slicer.vtkMRMLScalarVolumeNode | None = None
    face: slicer.vtkMRMLSegmentationNode | None = None
    protected: slicer.vtkMRMLSegmentationNode | None = None
    landmarks: slicer.vtkMRMLMarkupsFiducialNode | None = None
    curve: slicer.vtkMRMLMarkupsClosedCurveNode | None = None
    skin: slicer.vtkMRMLModelNode | None = None


def material_of(ct: Volume, case: CaseResult, released: bool) -> CaseMaterial:
    """What a pipeline's result shows of its case; ``released`` says whether the result may leave."""
    reasons, (face, protected) = "; ".join(case.reasons), case.masks_shown()
    return CaseMaterial(
        ct=ct,
        result=case.result,
        face=face,
        protected=protected,
        levels=len(case.levels),
        landmarks=case.landmarks,
        curve=None if case.face is None else case.face.curve.control,
        skin=None if case.anatomy is None else skin_surface(case.anatomy.depth),
        released=released and case.verdict is Verdict.PASS,
        title=f"{case.verdict.value}{': ' if reasons else ''}{reasons}",
        figures=facts_of(case),
        own=case.own,
    )


def add_case(
    context: SceneContext,
    material: CaseMaterial,
    given: CaseNodes = CaseNodes(),
    old: CaseNodes = CaseNodes(),
    alive: Alive = idle,
) -> CaseNodes:
    """Put a case into a scene; ``alive`` is called between its parts, and where it raises some of them are there already.

    ``given`` are nodes that are there already: the CT, whose parent transform is everybody's; the result, the protected
    segments and the skin, which are filled anew (and the result renamed); the face, the landmarks and the curve, which
    are the user's and stay as they are. ``old`` has the curve and the face that are filled anew where none is given.
    """
    ct = given.ct or add_ct(context, material.ct, "CT")
    name = ct.GetName()
    skin = given.skin
    if material.skin is not None and skin is None:
        skin = add_skin_model(context, material.skin, f"{name} skin", ct)
    elif material.skin is not None:
        fill_skin(skin, material.skin)
    landmarks, curve, face = given.landmarks, given.curve, given.face
    if landmarks is None and material.landmarks is not None:
        landmarks = add_landmarks(context, material.landmarks, f"{name} landmarks", ct)
    if curve is None and material.curve is not None and len(material.curve) > 0:
        curve = put_curve(context, material.curve, ct, skin, old.curve)
        if "curve" in material.own:
            forget_as_made(curve)
    alive()
    if face is None and material.face is not None:
        face = put_face(context, material.face, material.ct.geometry, ct, old.face)
        if "face" in material.own:
            forget_as_made(made_here(face, False))
    alive()
    result = None if material.result is None else _result_node(context, material, ct, given.result)
    return CaseNodes(ct, result, face, _protected_node(context, material, ct, given.protected), landmarks, curve, skin)


def _protected_node(
    context: SceneContext,
    material: CaseMaterial,
    ct: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLSegmentationNode | None,
) -> slicer.vtkMRMLSegmentationNode | None:
    if node is not None:
        fill_segmentation(node, material.protected, material.ct.geometry, reference=ct)
        return node
    if not material.protected:
        return None
    return made_here(add_segmentation(context, material.protected, material.ct.geometry, f"{ct.GetName()} protected", None, ct))


def _result_node(
    context: SceneContext,
    material: CaseMaterial,
    ct: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLScalarVolumeNode | None,
) -> slicer.vtkMRMLScalarVolumeNode:
    if node is None:
        node = add_ct(context, material.result, "result", ct, material.image)
    else:
        fill_ct(node, material.result, ct, material.image)
    mark(node, ct.GetName(), material.released)
    return node


def put_curve(
    context: SceneContext,
    control: np.ndarray,
    ct: slicer.vtkMRMLScalarVolumeNode,
    skin: slicer.vtkMRMLModelNode | None,
    node: slicer.vtkMRMLMarkupsClosedCurveNode | None = None,
    renewable: bool = True,
) -> slicer.vtkMRMLMarkupsClosedCurveNode:
    """A CT's curve through control points (N, 3; LPS mm) on its skin, in ``node`` or a new one; ``renewable`` as ``note_as_made``."""
    if node is None:
        node = add_curve(context, control, f"{ct.GetName()} face curve", ct, skin)
    else:
        fill_curve(node, control)
        node.SetAndObserveSurfaceConstraintNode(skin)
    note_as_made(node, ct, renewable)
    return node


def require_face(node: slicer.vtkMRMLSegmentationNode | None, *protected: slicer.vtkMRMLSegmentationNode | None) -> None:
    """Raises InputError for a segmentation that a face segment must not be put into: what is ``protected``, and what others drew."""
    if node is None:
        return
    number, other = node.GetSegmentation().GetNumberOfSegments(), "choose another segmentation for the face, or none."
    if any(node is kept for kept in protected):
        raise InputError(f'"{node.GetName()}" is to be protected, and a face segment would take the place of what it holds: {other}')
    if (number > 1 or is_made_here(node)) and not was_noted(node):
        held = (
            "a segment of others, and a face segment would take its place"
            if number == 1
            else (f"{number} segments, and a face segment would take the place of one of them")
        )
        raise InputError(f'"{node.GetName()}" holds {held}: {other}')


def put_face(
    context: SceneContext,
    face: BoxMask,
    geometry: Geometry,
    ct: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLSegmentationNode | None = None,
    renewable: bool = True,
    draft: bool = False,
) -> slicer.vtkMRMLSegmentationNode:
    """A CT's face segment, a mask on ``geometry``, in ``node`` or a new one; ``renewable`` as ``note_as_made``, ``draft`` for a surface."""
    colors = {face.name: FACE_COLOR}
    if node is None:
        node = made_here(add_segmentation(context, [face], geometry, f"{ct.GetName()} face", colors, ct))
    else:
        fill_segmentation(node, [face], geometry, colors, ct, draft, first=True)
    note_as_made(node, ct, renewable)
    return node
