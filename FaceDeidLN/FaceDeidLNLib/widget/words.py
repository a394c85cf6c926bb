"""One sentence on every effect, region and node level, as the panel's tooltips say it: the phrases of their tables."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..anatomy.level.table import LEVEL_RECORDS
from ..effect.records import RECORDS
from ..face.styles import REGIONS
from ..verify.privacy import is_tested, privacy_class


def sentence(phrase: str) -> str:
    """A table's phrase as a sentence in the user's language."""
    phrase = _(phrase)
    return f"{phrase[:1].upper()}{phrase[1:]}."


EFFECT_TIPS = {record.name: sentence(record.gives) for record in RECORDS}
REGION_TIPS = {name: sentence(region.gives) for name, region in REGIONS.items()}
LEVEL_TIPS = {record.name: sentence(record.gives) for record in LEVEL_RECORDS}


def privacy_of_choice(style: str, effect: str) -> str:
    """The privacy class of a region with an effect, for a person."""
    said = privacy_class(style, effect)
    if is_tested(said):
        return said
    return _("recognisable: it has not passed the attack benchmark")
