"""What a provider of segmentations is, and how several are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.errors import FaceDeidError, InputError
from ..core.progress import Alive, idle
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import sort_segments


class ProviderError(FaceDeidError):
    """A provider could not do its work; the case goes to REVIEW with this message as a reason."""


class Provider(Protocol):
    """A program that segments a CT."""

    def available(self) -> bool:
        """True where the program is installed; weights are its own business."""

    def describe(self) -> str:
        """Name, tasks and licence note, for logs and messages."""

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """Every segment with voxels that it finds in a CT (HU), on any grid: which of them count is ``ask_providers``' to say.

        ``alive`` is called while it works, and may raise. Raises ProviderError where it fails or takes too long.
        """


@dataclass(frozen=True, eq=False)
class Findings:
    """What the providers gave, sorted as the segments of a file are.

    ``nodes`` are to be protected, with glands and what is not recognised; ``guides`` help to find levels, landmarks and skin;
    ``failures`` are reasons for a REVIEW; ``lines`` say of every segment what became of it.
    """

    nodes: tuple[Segment, ...] = ()
    guides: tuple[Segment, ...] = ()
    failures: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def require_available(provider: Provider) -> None:
    """Raises InputError for a program that is missing: known before the work, and not after it."""
    if not provider.available():
        raise InputError(f"{provider.describe()} is not installed: install it, or leave --provider out.")


def ask_providers(providers: Sequence[Provider], ct: Volume, alive: Alive = idle) -> Findings:
    """Ask every provider; one that is missing or fails leaves a sentence and never goes unnoticed."""
    nodes, guides, failures, lines = [], [], [], []
    for provider in providers:
        try:
            if not provider.available():
                raise ProviderError("it is not installed")
            choice = sort_segments(provider.segment(ct, alive))
        except ProviderError as error:
            failures.append(f"{provider.describe()} gave no segmentation: {error}")
            continue
        nodes += choice.taken
        guides += choice.guides
        lines += [f"{line}, by {provider.describe()}" for line in choice.lines]
    return Findings(tuple(nodes), tuple(guides), tuple(failures), tuple(lines))
