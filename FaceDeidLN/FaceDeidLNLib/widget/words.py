"""One sentence on every effect, region and node level, as the panel's tooltips say it."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..verify.privacy import is_tested, privacy_class

EFFECTS = {
    "reface": _("Another, computed face grows out of the curve: looks like a head and holds nothing of this one's skin."),
    "mask": _("The face segment is filled with one value: plain to see, and the fill shows where the face was."),
    "blur": _("The face is smoothed over some millimetres: looks mild, and hides little."),
    "blur-strong": _("The face is smoothed until only its rough shape is left."),
    "drown": _("The face is drowned in tissue up to a smooth surface: the skin below it goes."),
    "scramble": _("The voxels of the face are drawn by lot: nothing can be put back, and it looks like noise."),
    "epidermis": _("Skin and air in front of it get a random new thickness; what lies below stays as it is."),
}
REGIONS = {
    "full": _("From the brow to the chin, in front of the ears: the default."),
    "full-hairline": _("As full, with the forehead up to the hair line."),
    "eyes": _("The bar over the eyes of old publications; hides little."),
    "venetian": _("Brow, eyes and root of the nose, as a Venetian mask."),
    "phantom": _("The patient's left half of the face, as the Phantom's mask."),
    "box": _("A box around eyes, nose and mouth, as other tools draw it."),
    "plane": _("Everything in front of a plane, as other tools cut it."),
    "outline": _("The whole skin of the head, as other tools take it."),
    "below-eyes-kept": _("The upper face only: what lies below the eyes stays."),
}
LEVELS = {
    "Ia": _("Submental: under the chin, between the anterior bellies of the digastric muscles."),
    "Ib": _("Submandibular: around the gland below the jaw."),
    "II": _("Upper jugular: from the skull base to the hyoid, behind the gland."),
    "VIII": _("Parotid: in and around the gland in front of the ear."),
    "IX": _("Bucco-facial: the cheek below its skin, where its nodes lie."),
    "IX-deep": _("The deep part of IX only."),
}


def privacy_of_choice(style: str, effect: str) -> str:
    """The privacy class of a region with an effect, for a person."""
    said = privacy_class(style, effect)
    if is_tested(said):
        return said
    return _("recognisable: it has not passed the attack benchmark")
