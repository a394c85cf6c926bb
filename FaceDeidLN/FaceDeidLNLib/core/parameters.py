"""What the user may choose; every length in mm, every value in HU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """The choices of one run."""

    style: str = "full"
    #: The outer ears, and lips with teeth, in addition to what the style hides.
    ears: bool = False
    lips: bool = False
    effect: str = "reface"
    #: Raised letters on the new surface, for every rendering to show; none where it is empty.
    watermark: str = ""
    depth_mm: float = 12.0
    outside_mm: float = 6.0
    protect_margin_mm: float = 2.0
    fill_hu: float = -1000.0
    sigma_mm: float = 6.0
    bone_hu: float = 300.0
    #: Node levels that stay as they are (names in anatomy.levels), and the skin and fat over them that may change.
    levels: tuple[str, ...] = ("Ia", "Ib", "VIII", "IX")
    superficial_mm: float = 2.0
    #: For tests only: random draws use fresh entropy otherwise, and the seed is never stored with an output.
    seed: int | None = None

    @property
    def region_name(self) -> str:
        """The region as the benchmark table names it: the style, and what was added to it."""
        return self.style + ("+ears" if self.ears else "") + ("+lips" if self.lips else "")
