"""What a phantom can be asked for: the easy head, and the hard cases."""

from __future__ import annotations

from dataclasses import dataclass

#: Where extra nodes can be put; each place has an anchor in :mod:`.nodes`.
NODE_PLACES = (
    "Ia",
    "Ib left",
    "Ib right",
    "IIa left",
    "IIa right",
    "cheek left",
    "cheek right",
    "pre-auricular left",
    "pre-auricular right",
)


#: Farther open, the chin of this head would meet its neck.
MAX_OPENING_DEG = 18.0


@dataclass(frozen=True)
class ExtraNode:
    """A round node whose nearest surface lies ``depth_mm`` below the skin at one of ``NODE_PLACES``."""

    place: str
    depth_mm: float
    radius_mm: float = 4.0


@dataclass(frozen=True)
class PhantomOptions:
    """The choices of one phantom; lengths in mm, angles in degrees, all in LPS."""

    #: How far the jaw is turned about its joint, up to MAX_OPENING_DEG; 12 opens the mouth by a finger.
    mouth_opening_deg: float = 0.0
    couch: bool = True
    #: A perforated thermoplastic mask in front of the face.
    mask_sheet: bool = False
    #: A breathing tube through the mouth.
    tube: bool = False
    noise_hu: float = 12.0
    #: Metal fillings with streaks across the mouth.
    dental_metal: bool = False
    #: Turn of the head about the left-right, front-back and vertical axes.
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    #: Size against the adult; 0.75 is a child of about three years.
    scale: float = 1.0
    extra_nodes: tuple[ExtraNode, ...] = ()
    #: The field of view; the origin is midway between the ear canals.
    x_range_mm: tuple[float, float] = (-115.0, 115.0)
    y_range_mm: tuple[float, float] = (-134.0, 118.0)
    z_range_mm: tuple[float, float] = (-148.0, 134.0)
