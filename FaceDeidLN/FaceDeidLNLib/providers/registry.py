"""The table of segmentation programs, and providers by what a user types. It is light: the help of the command line reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.plugins import made_by

if TYPE_CHECKING:
    from .base import Provider


@dataclass(frozen=True)
class Kind:
    """A segmentation program under one name everywhere: as a command (``made_by``), as an extension of Slicer (``programs/``), or both.

    ``title`` and ``gives`` are for menus and help; ``place`` is what has to be named with it ("" where nothing has).
    ``made_by`` is file and class of the provider, whose ``typed`` makes it from that place and whether to do without a graphics
    card; "": Slicer only.
    """

    name: str
    title: str
    gives: str
    made_by: str = ""
    place: str = ""

    @property
    def words(self) -> str:
        """How it is named on the command line."""
        return f"{self.name}:{self.place}" if self.place else self.name


#: Every program there is.
KINDS = (
    Kind(
        "totalsegmentator",
        "TotalSegmentator",
        "mandible, hyoid, salivary glands and outline (tasks without a licence)",
        "totalsegmentator:TotalSegmentator",
    ),
    Kind(
        "cads",
        "CADS",
        "mandible and salivary glands; its weights are for research only",
        "cads:Cads",
        "PATH_OF_predict_images.py",
    ),
    Kind("monai", "MONAIAuto3DSeg", "mandible"),
    Kind(
        "nnunet",
        "nnU-Net (own model)",
        "whatever your own model segments, lymph nodes for instance",
        "nnunet:NnUnetModel",
        "MODEL_FOLDER",
    ),
)


def typed_kinds() -> str:
    """What can be typed after --provider."""
    return ", ".join(kind.words for kind in KINDS if kind.made_by)


def provider_named(text: str, cpu: bool = False) -> Provider:
    """The provider of a name, with ``cpu`` for machines without a suitable graphics card. Raises InputError for another name."""
    name, _, place = text.partition(":")
    for kind in KINDS:
        if kind.name == name and kind.made_by and bool(place) == bool(kind.place):
            return made_by(kind.made_by, __package__).typed(Path(place), cpu)
    raise InputError(f"There is no provider '{text}'; choose from: {typed_kinds()}.")
