"""One sentence on every effect, region and node level, as the panel's tooltips say it: the phrases of their tables."""

from __future__ import annotations

from collections.abc import Sequence

from slicer.i18n import tr as _

from ..anatomy.level.table import LEVEL_RECORDS
from ..core.parameters import Parameters
from ..effect.records import RECORDS
from ..face.styles import REGIONS
from ..verify.privacy import privacy_class


def sentence(phrase: str) -> str:
    """A table's phrase as a sentence in the user's language."""
    phrase = _(phrase)
    return f"{phrase[:1].upper()}{phrase[1:]}."


EFFECT_TIPS = {record.name: sentence(record.gives) for record in RECORDS}
REGION_TIPS = {name: sentence(region.gives) for name, region in REGIONS.items()}
LEVEL_TIPS = {record.name: sentence(record.gives) for record in LEVEL_RECORDS}


def privacy_of_choice(parameters: Parameters, causes: Sequence[str]) -> str:
    """The privacy class of what is chosen, for a person; ``causes`` are those why it is another one than the benchmark's table says."""
    if causes:
        return _("recognisable: {causes}").format(causes="; ".join(causes))
    return privacy_class(parameters.region_name, parameters.effect)
