"""``drown``: the skin is lost in random values of skin and fat."""

from __future__ import annotations

import numpy as np

from ..core.parameters import Parameters
from ..core.volume import AIR_HU, Volume
from ..face.segment import Face
from .tools.by_chance import unlike
from .tools.skin_layer import most_before, skin_depth

#: Skin and fat (HU): the range of the published replacement values.
SUPERFICIAL_HU = (-125.0, 50.0)


class Drown:
    """Superficial tissue and the air in front become values drawn from the patient's own skin and fat.

    After face_deid_ct's ``drown_volume`` (Collins et al., Radiology 2020;296:22), restricted to the face segment.

    Privacy: recognisable. The new surface is the segment's front, an offset copy of the face; independent random values are
    filtered away, and bone that stays shows the skull.
    """

    name = "drown"

    def apply(self, ct: Volume, face: Face, parameters: Parameters, random: np.random.Generator) -> np.ndarray:
        """Independent draws (HU), float32 (k, j, i) of the segment's box; air from ``outside_mm`` before the skin, less at the curve."""
        here, mask = ct.array[face.segment.box.slices], face.segment.array
        own = here[mask]
        own = own[(own > SUPERFICIAL_HU[0]) & (own < SUPERFICIAL_HU[1])]
        if not len(own):
            own = np.linspace(*SUPERFICIAL_HU, 100)
        out = here.astype(np.float32)
        front = np.minimum(parameters.outside_mm, most_before(ct, face))
        drawn = unlike(random.choice(own, here.shape)[mask], out[mask])
        out[mask] = np.where(skin_depth(ct, face) < -front, AIR_HU, drawn)
        return out
