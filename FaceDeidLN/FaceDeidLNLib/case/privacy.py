"""The privacy class of a case: what was chosen, and what only the run can tell."""

from __future__ import annotations

from dataclasses import replace

from ..core.landmarks import Landmarks
from ..core.parameters import Parameters
from ..core.segment import Segment
from ..face.segment import Face
from ..face.styles import chosen_region
from ..input.names import is_guide, is_outline
from ..verify.privacy import RECOGNISABLE, is_tested, privacy_class
from ..verify.privacy_causes import NO_HU, UNKNOWN_ORIGIN, causes_of_choice, causes_of_kept, causes_of_run
from .records import Anatomy, CaseResult, Request


def privacy_of(request: Request) -> str:
    """The privacy class of the region and effect: what the attack benchmark tested is the region's own voxels with the defaults.

    A region with ears or lips is one of its own. Never tested: a watermark, other node levels, a person's curve or segment, levels
    and jaw after segments of others, protected or not, and values that are no HU. What only the run can tell comes later: see
    ``privacy_as_run``.
    """
    parameters, default = request.parameters, Parameters()
    chosen_region(parameters)
    own = {name: getattr(default, name) for name in ("style", "ears", "lips", "effect", "seed", "levels")}
    others = request.curve is not None or request.face_segment is not None or request.providers or request.calibrated
    if others or _guides(request) or set(parameters.levels) != set(default.levels) or replace(parameters, **own) != default:
        return RECOGNISABLE
    return privacy_class(parameters.region_name, parameters.effect)


def _guides(request: Request) -> list[Segment]:
    """The segments of others that levels and jaw follow; none that is empty."""
    guides = [segment for segment in request.guides if not is_outline(segment)]
    return [segment for segment in (*guides, *filter(is_guide, request.protected)) if segment.mask.array.any()]


def privacy_causes(request: Request) -> tuple[str, ...]:
    """Which of the conditions that ``privacy_of`` asks for are not met."""
    drawn = {"curve": request.curve, "face segment": request.face_segment}
    others = [program.describe() for program in request.providers]
    others += [f"'{segment.name}'" for segment in _guides(request)]
    by_hand = [what for what, given in drawn.items() if given is not None]
    causes = causes_of_choice(request.parameters, by_hand, tuple(dict.fromkeys(others)))
    return (*causes, NO_HU) if request.calibrated else causes


def privacy_as_run(privacy: str, parameters: Parameters, automatic: Landmarks, anatomy: Anatomy, face: Face) -> str:
    """The class ``privacy`` of a request, where the run was one of those that were attacked: with the ``automatic`` landmarks and skin.

    A face in which protected segments keep more than in any that was attacked is another one too: over muscles or a large tumour
    that stay, the old skin could be put back.
    """
    own = anatomy.landmarks.agree_with(automatic) and not anatomy.outlined and not anatomy.unhidden
    return privacy if own and not causes_of_kept(parameters, face.kept_ml) else RECOGNISABLE


def all_causes(state: CaseResult) -> tuple[str, ...]:
    """Those of the choice and of the run; a result that is recognisable without any of these is one of unknown origin."""
    anatomy = state.anatomy
    moved, kept = not anatomy.landmarks.agree_with(state.automatic), causes_of_kept(state.parameters, state.face.kept_ml)
    causes = (*state.causes, *causes_of_run(moved, anatomy.outlined, kept, anatomy.unhidden))
    return causes if causes or is_tested(state.privacy) else (UNKNOWN_ORIGIN,)
