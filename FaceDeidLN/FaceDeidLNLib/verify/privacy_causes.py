"""Why a result is not of the class ``tested``: which of the conditions of the attack benchmark is not met, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from ..core.parameters import Parameters
from .privacy import is_tested, keeps_as_tested, privacy_class, tested_to_keep

#: Choices whose own class stands in the benchmark's table, or that change no voxel's fate.
_OF_THE_TABLE = ("style", "ears", "lips", "effect", "seed", "levels", "own")
NO_HU = "the CT's values are no HU (cone beam), and the benchmark attacked CTs in HU"
MOVED = "a landmark is not as it is found in this CT without help: it was placed, moved or confirmed, or the CT's voxels changed since"
UNKNOWN_ORIGIN = "the result was edited, loaded, or made with other choices than these"


def causes_of_choice(parameters: Parameters, by_hand: Sequence[str] = (), of_others: Sequence[str] = ()) -> tuple[str, ...]:
    """What was chosen that the benchmark did not attack.

    :param by_hand: what a person drew, or another program made ("curve", "face segment").
    :param of_others: names of segments of others that levels, jaw or skin were found by, or programs that were asked.
    """
    default, causes = Parameters(), []
    if not is_tested(privacy_class(parameters.region_name, parameters.effect)):
        causes.append(f"region '{parameters.region_name}' with effect '{parameters.effect}' has not passed the attack benchmark")
    if set(parameters.levels) != set(default.levels):
        causes.append("other node levels are kept than in the benchmark")
    other = [f.name for f in fields(Parameters) if f.name not in _OF_THE_TABLE and getattr(parameters, f.name) != getattr(default, f.name)]
    other += [name for name, _ in parameters.own]
    if other:
        causes.append(f"not as in the benchmark: {', '.join(other)}")
    causes += [f"a {what} that is not the one of these landmarks and choices is not as in the benchmark" for what in by_hand]
    if of_others:
        causes.append(f"levels or jaw were found with the help of {', '.join(of_others)}")
    return tuple(causes)


def causes_of_kept(parameters: Parameters, kept_ml: tuple[float, float]) -> tuple[str, ...]:
    """What protected segments keep of the face (ml in all, and near the skin), where that is more than was attacked."""
    where = parameters.region_name, parameters.effect
    if keeps_as_tested(*where, kept_ml):
        return ()
    limits = " or ".join(f"{most:.3g} ml, {near:.3g} ml of them near the skin" for most, near in tested_to_keep(*where))
    return (
        "protected segments keep more of the face than was attacked"
        + (f" ({limits})" if limits else ": no face with named segments in it was"),
    )


def causes_of_run(moved: bool, outlined: bool, kept: Sequence[str], unhidden: Sequence[str]) -> tuple[str, ...]:
    """What the run itself found: landmarks moved, an outline used, too much of the face ``kept``, what stays in view."""
    causes = [MOVED] if moved else []
    causes += ["an outline of others took something off the body"] if outlined else []
    return (*causes, *kept, *(f"in view and not hidden: {what}" for what in unhidden))
