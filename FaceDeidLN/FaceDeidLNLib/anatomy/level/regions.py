"""The node levels as regions of the jaw grid, edge by edge.

Edges after Gregoire V et al., "Delineation of the neck node levels for head and neck tumors: a 2013 update",
Radiother Oncol 2014;110:172-181 (doi 10.1016/j.radonc.2013.10.010). Its text is not free; each edge below names the open
source that it was read in:

[FS] Fairise A, Smithuis R. Cervical lymph node map. Radiology Assistant 2022 (radiologyassistant.nl), after the consensus.
[MU] Mukherji SK et al. Neurographics 2003;2(2), figure 2: borders of level I on CT.
[IM] imaios.com, e-Anatomy, level Ib, after Robbins KT et al. Arch Otolaryngol Head Neck Surg 2008;134:536: level I lies above
     the hyoid and below the mylohyoid, so a node on the geniohyoid is in the floor of the mouth and in no level.
[RO] Nodes of the head and neck, waltr.net/rocases/ro/HeadNeck/Nodes.html, after the consensus.
[AI] Merlotti A et al. Radiat Oncol 2014;9:264, table 21: the parotid's bed.
[CO] COSTAR trial, target volume definition guidelines: the parotid's compartment.
[FA] Facial lymph nodes: Gray's Anatomy, as in en.wikipedia.org/wiki/Facial_lymph_nodes.
[?]  In no open source that was found; taken from summaries of the consensus.

Muscles are not segmented here: an edge that is a muscle is a plane or a curve between bony points, and each function says
so ("approximation"). Where an edge is in doubt the region is the larger one, because a voxel too many that stays is no
harm to the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.landmarks import Landmarks
from ..jaw.arch import BIN_DEG, CENTRE_Y, JawOutline
from ..jaw.grid import JawGrid
from ..jaw.hyoid import Hyoid

#: Anterior belly of the digastric: (y, |x|) of its lateral edge, from the digastric fossa (9 mm off the midline) to the
#: lesser horn, and further back the medial edge of the submandibular gland (at |x| of 18 to 26 mm in 33 drawn glands).
DIGASTRIC = ((0.0, 18.0), (40.0, 18.0), (60.0, 16.0), (92.0, 9.0))
#: Height (mm) of the mylohyoid line over the mandible's lower border, by azimuth along the arch (0 symphysis, 80 angle).
MYLOHYOID = ((0.0, 4.0), (30.0, 8.0), (55.0, 14.0), (108.0, 14.0))
#: From that line the muscle falls towards the midline by this much (mm per mm), behind its free posterior edge less.
MYLOHYOID_FALL = ((0.0, 0.7), (40.0, 0.7), (60.0, 0.2), (108.0, 0.1))
#: Ia reaches this far (mm) above the lower border behind the symphysis, where the geniohyoid and not the level lies: to be safe.
SYMPHYSIS_MM = 11.0
#: What level I holds at least over the skin (mm): fat, platysma and digastric in the midline, a gland of 13 mm further back.
SUBMENTAL_MM, SUBMANDIBULAR_MM = 20.0, 18.0
#: This share of a CT voxel of the bone's inner side counts as inside, so that coarse voxels between bone and level do.
BESIDE_BONE = 0.6
#: How far (mm) beyond the outer side of the lower border the level reaches below it: nodes lie where the facial vessels
#: cross the border in front of the masseter (perimandibular nodes, J Cancer Metastasis Treat 2023;9:20), as thick as
#: nodes are (short axis of normal submandibular nodes 5.5 mm, Ai et al. 2022), and none in front of the symphysis.
BEYOND_BORDER = ((0.0, -4.0), (25.0, -3.0), (45.0, 4.0), (50.0, 5.5), (62.0, 5.5), (80.0, 4.0), (108.0, 4.0))
#: Posterior edge (y) of the submandibular gland where none is given: in 33 drawn glands it lies at 11 to 38, median 24.
GLAND_BACK = 16.5
#: What ends further back or in front (y), 6 mm beyond those, is no gland in its place.
GLAND_LIMITS = (5.0, 45.0)
#: Room (mm) below the hyoid's caudal edge, and how far (mm) below the lower border of the symphysis level I goes at least.
BELOW_HYOID_MM = 2.0
BELOW_SYMPHYSIS_MM = 6.0
#: More room (mm) where the hyoid was not found and the mean one stands in.
UNSURE_HYOID_MM = 5.0
#: Where no skin is known the platysma is taken to go inward from the lower border by this much (mm per mm).
PLATYSMA_INWARD = 0.35
#: ... and to lie this far (mm) below the border, by y: at the gland as deep as glands hang, and close under the chin.
PLATYSMA_BELOW = ((48.0, 45.0), (58.0, 12.0), (95.0, 7.0))
#: Ear canal and zygomatic arch (z), anterior edge of the sternocleidomastoid (y), styloid process (|x|).
EAR_CANAL_Z, MUSCLE_Y, STYLOID_X = 8.0, -12.0, 38.0
#: The superficial lobe goes forward over the masseter to about here (y); parotids reach further along their duct only.
PAROTID_FRONT = 50.0
#: Its tail reaches this far (mm) below the mandible's angle.
PAROTID_TAIL_MM = 9.0
#: No parotid reaches further to the side (|x|) of the mean head, whatever the skin does.
FARTHEST_X = 80.0


@dataclass(frozen=True, eq=False)
class Neck:
    """What the levels are made from, all on one jaw grid.

    ``depth``: mm below the skin (float32), infinite inside where no skin is known. ``hyoid`` and ``gland_back`` (per
    side, y) are this patient's or the mean's.
    """

    grid: JawGrid
    mandible: np.ndarray
    outline: JawOutline
    hyoid: Hyoid
    depth: np.ndarray
    gland_back: tuple[float, float] = (GLAND_BACK, GLAND_BACK)
    #: Longest side of the CT's voxels (mm).
    voxel_mm: float = 1.0
    #: The head's landmarks (LPS mm), where they are known.
    landmarks: Landmarks | None = None

    def half(self, side: int) -> np.ndarray:
        """True (1, 1, I) on the left (0) or right (1) side."""
        return self.grid.x < 0 if side else self.grid.x >= 0

    @property
    def floor(self) -> np.ndarray:
        """Caudal plane z (1, J, 1) of level I: through the caudal edges of the symphysis and of the hyoid, with some room."""
        chin = float(np.median(self.outline.border[:3])) - BELOW_SYMPHYSIS_MM
        front = float(np.median(self.outline.outside[:3])) + CENTRE_Y
        low = self.hyoid.bottom - BELOW_HYOID_MM - (0.0 if self.hyoid.found else UNSURE_HYOID_MM)
        slope = max(chin - low, 0.0) / max(front - self.hyoid.front, 10.0)
        return np.minimum(low + slope * np.maximum(self.grid.y - self.hyoid.front, 0.0), chin)

    @cached_property
    def inside_jaw(self) -> np.ndarray:
        """Inward of the mandible's inner side; below its lower border inward of the platysma (the caller's skin depth)."""
        grid, outline = self.grid, self.outline
        border = outline.columns(outline.border)
        beyond = outline.columns(outline.outside) + _along_arch(self, BEYOND_BORDER)
        bare = np.isinf(self.depth)
        inward = PLATYSMA_INWARD * np.maximum(border - grid.z, 0.0) * bare
        low = border - np.interp(grid.y, *zip(*PLATYSMA_BELOW, strict=True))
        below = (outline.radius < beyond - inward) & (~bare | (grid.z >= low))
        return np.where(grid.z < border, below, outline.radius < outline.columns(outline.inner) + BESIDE_BONE * self.voxel_mm)


def _along_arch(neck: Neck, table: tuple[tuple[float, float], ...]) -> np.ndarray:
    """A table over azimuth on the columns (J, I) of the grid."""
    return np.interp((neck.outline.bin + 0.5) * BIN_DEG, *zip(*table, strict=True))


def _mylohyoid(neck: Neck) -> np.ndarray:
    """z (J, I) of the mylohyoid: from its line on the mandible falling towards the midline."""
    outline = neck.outline
    inward = np.maximum(outline.columns(outline.outside) - 10.0 - outline.radius, 0.0)
    return outline.columns(outline.border) + _along_arch(neck, MYLOHYOID) - _along_arch(neck, MYLOHYOID_FALL) * inward


def _under_skin(neck: Neck, thickness_mm: float) -> np.ndarray:
    """The layer of that thickness over the skin below the jaw, at most as high as the highest mylohyoid line.

    Where the floor of the mouth hangs high (chin up, slim neck, toothless jaw) a plane between bones misses it.
    """
    outline = neck.outline
    return (neck.depth <= thickness_mm) & (neck.grid.z <= outline.columns(outline.border) + MYLOHYOID[-1][1])


def _digastric(neck: Neck) -> np.ndarray:
    """|x| (1, J, 1) of the anterior belly's lateral edge."""
    y, x = zip(*DIGASTRIC, strict=True)
    return np.interp(neck.grid.y, y, x)


def level_ia(neck: Neck, side: int, superficial_mm: float) -> np.ndarray:
    """Ia, submental: between the anterior bellies of the digastric muscles, on both sides of the midline whatever ``side`` is.

    Cranial: mylohyoid [MU, IM]; here a plane from 11 mm above the lower border of the symphysis to the top of the hyoid, and
    at least 20 mm of tissue over the skin (approximation). Caudal: hyoid [MU] and platysma [?]; here the plane through the
    caudal edges of symphysis and hyoid, and ``superficial_mm`` below the skin (approximation). Anterior: symphysis menti
    [FS]; inner side of the bone, below it the bone's middle, so that the chin's skin is free. Posterior: body of the
    hyoid [?]. Lateral: anterior belly of the digastric [FS]; here a straight line from the digastric fossa to the lesser
    horn, and the belly itself is inside (approximation).
    """
    grid, hyoid = neck.grid, neck.hyoid
    border = float(np.median(neck.outline.border[:3]))
    front = float(np.median(neck.outline.outside[:3])) + CENTRE_Y
    along = np.clip((grid.y - hyoid.front) / max(front - hyoid.front, 1.0), 0.0, 1.0)
    top = hyoid.top + along * (border + SYMPHYSIS_MM - hyoid.top)
    inside = neck.inside_jaw & (np.abs(grid.x) < _digastric(neck))
    inside &= (grid.y >= hyoid.front) & ((grid.z <= top) | _under_skin(neck, SUBMENTAL_MM)) & (grid.z >= neck.floor)
    return inside & (neck.depth >= superficial_mm)


def level_ib(neck: Neck, side: int, superficial_mm: float) -> np.ndarray:
    """Ib, submandibular, of one side (0 left, 1 right).

    Lateral: inner side of the mandible [FS] down to its caudal edge, then platysma [?]; here ``superficial_mm`` below the
    skin, and 4 to 5.5 mm beyond the bone's outer side (approximation). Medial: digastric [FS], the anterior belly's
    lateral edge and further back the posterior belly; here a line from the digastric fossa over the lesser horn, then
    parallel to the midline (approximation). Cranial: mylohyoid [MU] and the gland's cranial edge [?]; here a height over
    the lower border that grows from the symphysis to the angle and falls towards the midline, and at least 18 mm of
    tissue over the skin (approximation). Caudal: hyoid [MU]; here the plane through the caudal edges of hyoid and
    mandible. Anterior: symphysis menti [FS]. Posterior: posterior edge of the gland [FS, MU]; where it is not given, a
    plane where drawn glands end (approximation).
    """
    grid = neck.grid
    inside = neck.inside_jaw & neck.half(side) & (np.abs(grid.x) >= _digastric(neck))
    inside &= (grid.y >= neck.gland_back[side]) & (grid.z >= neck.floor)
    inside &= (grid.z <= _mylohyoid(neck)) | _under_skin(neck, SUBMANDIBULAR_MM)
    return inside & (neck.depth >= superficial_mm)


def level_viii(neck: Neck, side: int, superficial_mm: float) -> np.ndarray:
    """VIII, parotid and pre-auricular, of one side.

    Cranial: zygomatic arch [CO] and ear canal [?]; here a plane at their height. Caudal: angle of the mandible [CO] and the
    gland's tail below it. Lateral: SMAS in the subcutaneous tissue [?]; here ``superficial_mm`` below the skin
    (approximation). Medial: styloid process [AI] behind the ramus, here a plane at 38 mm from the midline
    (approximation), outer side of the ramus in front of it. Posterior: mastoid [AI, CO] and anterior edge of the
    sternocleidomastoid [?]; here a plane (approximation). Anterior: masseter [AI], whose posterior edge is meant [?];
    here further forward, over the ramus to where the superficial lobe usually ends, so the masseter's back part is inside.
    """
    grid, outline = neck.grid, neck.outline
    x = np.abs(grid.x)
    behind = (grid.y < outline.ramus_back[:, None, side, None]) & (x >= STYLOID_X)
    beside = (grid.y >= outline.ramus_back[:, None, side, None]) & (x > outline.ramus_out[..., side, None])
    inside = neck.half(side) & (behind | beside) & (x <= FARTHEST_X)
    inside &= (grid.y >= MUSCLE_Y) & (grid.y <= PAROTID_FRONT)
    inside &= (grid.z <= EAR_CANAL_Z) & (grid.z >= outline.angle_z[side] - PAROTID_TAIL_MM)
    return inside & (neck.depth >= superficial_mm) & ~neck.mandible


#: IX reaches from the anterior edge of the masseter forward to the nasolabial fold: y of the one, |x| of the other.
MASSETER_FRONT, NASOLABIAL_X = 47.0, 24.0
#: Caudal edge of the orbit (z) in the mean face, and the buccinator's distance (mm) from the outer side of the lower border.
ORBIT_Z, BUCCINATOR_MM = 22.0, 4.0
#: No buccal node lies deeper under the skin (mm): the buccinator is 10 to 20 mm deep behind the corner of the mouth.
BUCCAL_DEPTH_MM = 24.0


def level_ix(neck: Neck, side: int, superficial_mm: float) -> np.ndarray:
    """IX, bucco-facial, of one side.

    Cranial: caudal edge of the orbit (infraorbital nodes [FA]); here a plane at its mean height (approximation). Caudal:
    caudal edge of the mandible (mandibular nodes on its outer surface [FA]). Anterior and lateral: nasolabial fold [FA], a
    plane, and SMAS in the subcutaneous tissue [?], here ``superficial_mm`` below the skin (approximation). Posterior:
    anterior edge of the masseter [FA] and the buccal fat pad [?]; here a plane (approximation). Medial: buccinator [FA];
    here a cylinder a little outward of the mandible's lower border and at most 24 mm below the skin (approximation).
    """
    grid, outline = neck.grid, neck.outline
    x = np.abs(grid.x)
    inside = neck.half(side) & (grid.y >= MASSETER_FRONT) & (x >= NASOLABIAL_X) & (grid.z <= ORBIT_Z)
    inside &= (grid.z >= outline.columns(outline.border)) & (outline.radius >= outline.columns(outline.outside) + BUCCINATOR_MM - 8.0)
    return inside & (neck.depth >= superficial_mm) & (neck.depth <= BUCCAL_DEPTH_MM) & ~neck.mandible


#: II: lateral process of C1 (z), posterior edge of the sternocleidomastoid (y), carotid and scalene muscles (|x|), neck's side.
ATLAS_Z, MUSCLE_BACK_Y, CAROTID_X, NECK_X = -22.0, -44.0, 18.0, 66.0


def level_ii(neck: Neck, side: int, superficial_mm: float) -> np.ndarray:
    """II, upper jugular, of one side, as far as the jaw's grid reaches.

    Cranial: lateral process of C1; caudal: caudal edge of the hyoid; medial: internal carotid and scalene muscles; lateral:
    medial side of the sternocleidomastoid (all [RO]), platysma and parotid gland [?]; anterior: posterior edge of the
    submandibular gland (level Ib); posterior: posterior edge of the sternocleidomastoid [?]. All but the hyoid, the gland
    where it is given, the mandible and the skin are planes of the mean head (approximation), so the muscle itself is inside.
    """
    grid, outline = neck.grid, neck.outline
    x = np.abs(grid.x)
    parotid = (grid.z >= outline.angle_z[side] - PAROTID_TAIL_MM) & (x >= STYLOID_X) & (grid.y >= MUSCLE_Y)
    inside = neck.half(side) & (x >= CAROTID_X) & (x <= NECK_X) & (grid.y >= MUSCLE_BACK_Y) & (grid.y < neck.gland_back[side])
    inside = inside & (grid.z <= ATLAS_Z) & (grid.z >= neck.hyoid.bottom) & ~parotid
    return inside & (neck.depth >= superficial_mm) & ~neck.mandible
