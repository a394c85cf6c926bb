"""What is known before the work of what the benchmark never attacked: told while it can still be chosen otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ..core.parameters import Parameters
from ..input.names import GUIDING, Role, role_of
from ..mrml.as_made import is_as_made, is_by_hand
from ..mrml.candidates import atlases
from ..mrml.judged import moment_of, place_of
from ..mrml.links import linked
from ..mrml.nodes import segment_roles
from ..mrml.since import moment_of_drawing
from ..verify.privacy_causes import causes_of_choice, causes_of_run
from .asked import BUILT_IN_NAME
from .keywords import LENGTHS, parameters_of_keywords
from .process import guides_from_nodes

_OTHERS = ("ears", "lips", "watermark", *LENGTHS)


def parameters_in(parameter_node: Any, style: str = "", effect: str = "") -> Parameters:  # noqa: ANN401  the module's wrapped parameter node
    """The parameters that a parameter node chooses, or with another region or effect. Raises InputError: nothing can be made with them."""
    others = {name: getattr(parameter_node, name) for name in parameter_node.allParameters if name in _OTHERS}
    chosen = {**others, **parameter_node.effectNumbers}
    return parameters_of_keywords(style or parameter_node.style, effect or parameter_node.effect, list(parameter_node.levels), chosen)


class Foreseen:
    """What was drawn by hand or is found by the help of others, looked for once for each moment in which that is."""

    def __init__(self) -> None:
        self._found: tuple[Any, tuple[list[str], tuple[str, ...]]] = (None, ([], ()))

    def causes(self, parameter_node: Any, parameters: Parameters) -> tuple[str, ...]:  # noqa: ANN401  the module's wrapped parameter node
        """Why a result with these parameters would be recognisable: what only the work itself finds is not among it."""
        landmarks, engines = parameter_node.landmarks, (parameter_node.wrapEngine, parameter_node.cutEngine)
        by_hand, others = self._beside(parameter_node)
        by_hand = by_hand or (["face segment"] if set(engines) != {BUILT_IN_NAME} else [])
        moved = landmarks is not None and is_by_hand(landmarks, parameter_node.inputVolume)
        return (*causes_of_choice(parameters, by_hand, others), *causes_of_run(moved, False, (), ()))

    def _beside(self, parameter_node: Any) -> tuple[list[str], tuple[str, ...]]:  # noqa: ANN401
        """What a person drew, and the guides of others."""
        ct, drawn = parameter_node.inputVolume, {"curve": parameter_node.curve, "face segment": parameter_node.faceSegmentation}
        if ct is None:
            return [], ()
        protected, face = parameter_node.protectedSegmentation, parameter_node.faceSegmentation
        guiding = [node for node in (protected, *atlases(ct, protected, face, linked(ct, "kept"))) if node is not None]
        kept = [(node, node.GetSegmentation().GetSegmentIDs()) for node in guiding]
        there = [(node.GetMTime(), moment_of_drawing(node)) for node in drawn.values() if node is not None]
        moment = ct.GetID(), place_of(ct), there, moment_of(kept)
        if moment != self._found[0]:
            by_hand = [what for what, node in drawn.items() if node is not None and not is_as_made(node, ct)]
            self._found = moment, (by_hand, _guides(guiding))
        return self._found[1]


def _guides(nodes: Sequence[slicer.vtkMRMLSegmentationNode]) -> tuple[str, ...]:
    """The names of the segments that levels and jaw follow; none that is empty, and no outline."""
    if not any(role in GUIDING for node in nodes for _, role in segment_roles(node).values()):
        return ()
    guides = [guide for guide in guides_from_nodes(nodes) if role_of(guide.name, guide.code) is not Role.OUTLINE]
    return tuple(f"'{guide.name}'" for guide in guides if (guide.labels == guide.label).any())
