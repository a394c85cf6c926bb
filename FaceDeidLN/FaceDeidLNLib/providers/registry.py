"""The table of segmentation programs, and providers by what a user types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from .base import Provider
from .cads import Cads
from .nnunet import NnUnetModel
from .totalsegmentator import TotalSegmentator


@dataclass(frozen=True)
class Kind:
    """A segmentation program under one name everywhere: as a command (``command``), as an extension of Slicer (mrml), or both.

    ``title`` and ``gives`` are for menus and help; ``place`` is what has to be named with it ("" where nothing has).
    ``command`` makes the provider from that place and whether to do without a graphics card; None: Slicer only.
    """

    name: str
    title: str
    gives: str
    place: str = ""
    command: Callable[[Path, bool], Provider] | None = None

    @property
    def typed(self) -> str:
        """How it is named on the command line."""
        return f"{self.name}:{self.place}" if self.place else self.name


#: Every program there is.
KINDS = (
    Kind(
        "totalsegmentator",
        "TotalSegmentator",
        "mandible, hyoid, salivary glands and outline (tasks without a licence)",
        command=lambda place, cpu: TotalSegmentator(device="cpu" if cpu else "gpu"),
    ),
    Kind(
        "cads",
        "CADS",
        "mandible and salivary glands; its weights are for research only",
        "PATH_OF_predict_images.py",
        lambda place, cpu: Cads(place, cpu=cpu),
    ),
    Kind("monai", "MONAIAuto3DSeg", "mandible"),
    Kind(
        "nnunet",
        "nnU-Net (own model)",
        "whatever your own model segments, lymph nodes for instance",
        "MODEL_FOLDER",
        lambda place, cpu: NnUnetModel(place, device="cpu" if cpu else "cuda"),
    ),
)


def typed_kinds() -> str:
    """What can be typed after --provider."""
    return ", ".join(kind.typed for kind in KINDS if kind.command is not None)


def provider_named(text: str, cpu: bool = False) -> Provider:
    """The provider of a name, with ``cpu`` for machines without a suitable graphics card. Raises InputError for another name."""
    name, _, place = text.partition(":")
    for kind in KINDS:
        if kind.name == name and kind.command is not None and bool(place) == bool(kind.place):
            return kind.command(Path(place), cpu)
    raise InputError(f"there is no provider '{text}'; choose from: {typed_kinds()}")
