"""Providers by what a user types: ``totalsegmentator``, ``cads:PREDICT_IMAGES.py``, ``nnunet:MODEL_FOLDER``."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from .base import Provider
from .cads import Cads
from .nnunet import NnUnetModel
from .totalsegmentator import TotalSegmentator

KINDS = "totalsegmentator, cads:PATH_OF_predict_images.py, nnunet:MODEL_FOLDER"


def provider_named(text: str, cpu: bool = False) -> Provider:
    """The provider of a name, with ``cpu`` for machines without a suitable graphics card. Raises InputError for another name."""
    kind, _, place = text.partition(":")
    if kind == "totalsegmentator" and not place:
        return TotalSegmentator(device="cpu" if cpu else "gpu")
    if kind == "cads" and place:
        return Cads(Path(place), cpu=cpu)
    if kind == "nnunet" and place:
        return NnUnetModel(Path(place), device="cpu" if cpu else "cuda")
    raise InputError(f"there is no provider '{text}'; choose from: {KINDS}")
