"""What a provider of segmentations is, and how several are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.errors import FaceDeidError
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import GUIDING, Role, role_of


class ProviderError(FaceDeidError):
    """A provider could not do its work; the case goes to REVIEW with this message as a reason."""


class Provider(Protocol):
    """A program that segments a CT."""

    def available(self) -> bool:
        """True where the program is installed; weights are its own business."""

    def describe(self) -> str:
        """Name, tasks and licence note, for logs and messages."""

    def segment(self, ct: Volume) -> tuple[Segment, ...]:
        """Segments of a CT (HU) on any grid; raises ProviderError where it fails or takes too long."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What the providers gave: ``nodes`` are to be protected, ``guides`` help to find the levels, ``failures`` are reasons for a REVIEW."""

    nodes: tuple[Segment, ...] = ()
    guides: tuple[Segment, ...] = ()
    failures: tuple[str, ...] = ()


def ask_providers(providers: Sequence[Provider], ct: Volume) -> Findings:
    """Ask every provider; one that is missing or fails leaves a sentence and never goes unnoticed."""
    nodes, guides, failures = [], [], []
    for provider in providers:
        try:
            if not provider.available():
                raise ProviderError("it is not installed")
            segments = provider.segment(ct)
        except ProviderError as error:
            failures.append(f"{provider.describe()} gave no segmentation: {error}")
            continue
        nodes += [segment for segment in segments if role_of(segment.name, segment.code) is Role.NODE]
        guides += [segment for segment in segments if role_of(segment.name, segment.code) in GUIDING]
    return Findings(tuple(nodes), tuple(guides), tuple(failures))
