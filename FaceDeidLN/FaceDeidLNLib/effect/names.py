"""The names of the effects, without what they need: Slicer reads them at every start."""

from __future__ import annotations

#: The keys of ``registry.EFFECTS``, in the same order.
EFFECT_NAMES = ("reface", "mask", "blur", "blur-strong", "drown", "scramble", "epidermis")
#: Effects that make a new surface from the curve; they go with regions that have one.
EFFECTS_ON_A_CURVE = ("reface",)
