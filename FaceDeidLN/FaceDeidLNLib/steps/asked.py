"""The module's keywords, in Slicer's spelling, as one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ..core.errors import Cancelled, InputError
from ..core.progress import Progress, silent
from ..effect.records import FILL_HU, effects_with
from ..mrml.as_made import is_as_made
from ..mrml.case import CaseNodes
from ..mrml.changed import state_of
from ..mrml.followers import followers
from ..mrml.links import linked
from ..mrml.protection import checked_segments
from ..programs.engines import Engines
from .keywords import callable_of, listed, named, node_of, parameters_of_keywords, truth
from .process import NodeRequest

#: The engines by keyword: the name that chooses Slicer's tool.
ENGINE_NAMES = {"wrapEngine": "SurfaceWrapSolidify", "cutEngine": "Dynamic Modeler", "maskEngine": "Mask volume"}
BUILT_IN_NAME = "built-in"
_VOLUME, _SEGMENTATION = "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"


def asked_from(
    ct: slicer.vtkMRMLScalarVolumeNode,
    protectedSegmentation: slicer.vtkMRMLSegmentationNode | None = None,
    segmentIDs: Sequence[str] | None = None,
    landmarks: slicer.vtkMRMLMarkupsFiducialNode | None = None,
    curve: slicer.vtkMRMLMarkupsClosedCurveNode | None = None,
    faceSegmentation: slicer.vtkMRMLSegmentationNode | None = None,
    outputVolume: slicer.vtkMRMLScalarVolumeNode | None = None,
    style: str | None = None,
    effect: str | None = None,
    levels: Sequence[str] | None = None,
    wrapEngine: str = BUILT_IN_NAME,
    cutEngine: str = BUILT_IN_NAME,
    maskEngine: str = BUILT_IN_NAME,
    acceptRecognisable: bool = False,
    reuse: bool = False,
    renew: bool = False,
    draft: bool = False,
    alsoVolumes: Sequence[slicer.vtkMRMLScalarVolumeNode] = (),
    progress: Progress | None = None,
    **others: Any,  # noqa: ANN401
) -> tuple[NodeRequest, Engines, Progress]:
    """Request, engines and progress; with ``reuse`` the nodes for skin and protected segments of the last run are filled again.

    With ``renew`` a curve and a face segment that nobody changed since this module made them follow what is chosen now; ``draft`` as in
    ``NodeRequest``.

    :raises InputError: no CT, a node of another kind or of no scene, or an engine that there is not. :raises TypeError: an unknown keyword.
    """
    parameters = parameters_of_keywords(style, effect, levels, others)
    if ct is None:
        raise InputError("Choose a CT volume first.")
    if protectedSegmentation is None and segmentIDs:
        raise InputError("segmentIDs names segments of protectedSegmentation, and there is none: give both.")
    _require_volumes(ct, outputVolume)
    node_of(_SEGMENTATION, protectedSegmentation=protectedSegmentation, faceSegmentation=faceSegmentation)
    node_of("vtkMRMLMarkupsFiducialNode", landmarks=landmarks)
    node_of("vtkMRMLMarkupsClosedCurveNode", curve=curve)
    is_reused, is_renewed = truth("reuse", reuse), truth("renew", renew)
    old_curve, old_face = (node if is_renewed and is_as_made(node, ct) else None for node in (curve, faceSegmentation))
    given = (protectedSegmentation, faceSegmentation)
    asked = NodeRequest(
        ct,
        protected=protectedSegmentation,
        segment_ids=None if segmentIDs is None else listed("segmentIDs", segmentIDs, "IDs"),
        landmarks=landmarks,
        curve=None if old_curve else curve,
        face=None if old_face else faceSegmentation,
        output=outputVolume,
        parameters=parameters,
        accept_recognisable=truth("acceptRecognisable", acceptRecognisable),
        kept=_reused(linked(ct, "kept"), *given) if is_reused else None,
        skin=_reused(linked(ct, "skin"), *given) if is_reused else None,
        also=_images(alsoVolumes),
        old=CaseNodes(curve=old_curve, face=old_face),
        draft=truth("draft", draft),
    )
    engines = _engines(wrapEngine, cutEngine, maskEngine, parameters.effect)
    return asked, engines, _while_there(ct, callable_of("progress", progress) or silent)


def _reused(node: slicer.vtkMRMLNode | None, *chosen: slicer.vtkMRMLNode | None) -> slicer.vtkMRMLNode | None:
    """A node of the last run that is filled again; what is ``chosen`` is the user's from then on, and another one is made."""
    return None if any(node is own for own in chosen) else node


def _images(nodes: Any) -> tuple[slicer.vtkMRMLScalarVolumeNode, ...]:  # noqa: ANN401  a list, or whatever was typed
    """The images that follow, each once."""
    images = listed("alsoVolumes", nodes, _VOLUME)
    for image in images:
        node_of(_VOLUME, alsoVolumes=image or "None")
    return tuple(dict.fromkeys(images))


def _while_there(ct: slicer.vtkMRMLScalarVolumeNode, progress: Progress) -> Progress:
    """The progress, which also stops work on a CT that left its scene meanwhile: the scene was closed, or somebody removed it.

    So does a CT that a script or a tracker edited or moved: what was found in it would be noted as found in what it is now.
    """
    scene, state = ct.GetScene(), state_of(ct)

    def checked(fraction: float, message: str) -> None:
        progress(fraction, message)
        if ct.GetScene() is not scene:
            raise Cancelled("The CT left the scene.")
        if state_of(ct) != state:
            raise InputError(f'"{ct.GetName()}" was edited or moved while it was worked on: do this step again when it rests.')

    return checked


def _require_volumes(ct: slicer.vtkMRMLScalarVolumeNode, output: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Raises InputError for what is no volume; a label map, which is shown, named and saved in another way, is no output."""
    node_of(_VOLUME, ctNode=ct, outputVolume=output)
    if output is not None and output.GetClassName() != _VOLUME:
        raise InputError(f"outputVolume takes a {_VOLUME} and not {named(output)}.")


def _engines(wrap: str, cut: str, mask: str, effect: str) -> Engines:
    """The engines by their names; only an effect that fills with a value can be another program's."""
    is_mask = _is_other("maskEngine", mask) and effect in effects_with(FILL_HU.field)
    return Engines(_is_other("wrapEngine", wrap), _is_other("cutEngine", cut), is_mask)


def _is_other(keyword: str, value: str) -> bool:
    if value not in (BUILT_IN_NAME, ENGINE_NAMES[keyword]):
        raise InputError(f"{keyword} can be '{BUILT_IN_NAME}' or '{ENGINE_NAMES[keyword]}', and not '{value}'.")
    return value != BUILT_IN_NAME


def chosen_in(parameter_node: Any) -> dict[str, Any]:  # noqa: ANN401  the module's wrapped parameter node
    """The keywords of ``asked_from`` that the module's parameter node holds: checked segments of its segmentation, images that follow."""
    if not hasattr(parameter_node, "allParameters"):
        raise InputError(f"parameterNode takes what getParameterNode() gives, and not {named(parameter_node)}.")
    skipped = ("inputVolume", "resultVolume", "liveFace", "levels", "header", "effectNumbers")
    values = {name: getattr(parameter_node, name) for name in parameter_node.allParameters if name not in skipped}
    segmentation = parameter_node.protectedSegmentation
    return {
        **values,
        **parameter_node.effectNumbers,
        "levels": list(parameter_node.levels),
        "segmentIDs": checked_segments(segmentation) if segmentation else None,
        "alsoVolumes": followers(parameter_node.inputVolume),
    }
