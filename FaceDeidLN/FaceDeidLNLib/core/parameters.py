"""What the user may choose; every length in mm, every value in HU."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from .errors import InputError


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
    bone_hu: float = 300.0
    #: Node levels that stay as they are (names in anatomy.level.table), and the skin and fat over them that may change.
    levels: tuple[str, ...] = ("Ia", "Ib", "VIII", "IX")
    superficial_mm: float = 2.0
    #: Numbers that the effect alone knows (effect.records), by their field; the others have their default.
    own: tuple[tuple[str, float], ...] = ()
    #: What random draws begin with; fresh entropy where it is None. Tests and sign-offs repeat a draw, and with a project's key all of a
    #: patient's releases have the same one. It is never stored with an output.
    seed: int | None = None

    @property
    def region_name(self) -> str:
        """The region as the benchmark table names it: the style, and what was added to it."""
        return self.style + ("+ears" if self.ears else "") + ("+lips" if self.lips else "")

    def require_in_range(self) -> None:
        """Raises InputError, one sentence, for a number that is none or out of its range."""
        for number in NUMBERS:
            number.require(getattr(self, number.field))

    def own_number(self, number: Number) -> float:
        """What was chosen for a number of the effect's own, or its default."""
        return dict(self.own).get(number.field, number.default)


@dataclass(frozen=True)
class Number:
    """A number that can be chosen: its field of ``Parameters`` (or name in ``own``), range (ends included), unit, meaning, default."""

    field: str
    low: float
    high: float
    unit: str
    meaning: str
    default: float
    #: The command line has an option for it.
    is_option: bool = True

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return "--" + self.field.replace("_", "-")

    @property
    def keyword(self) -> str:
        """Its name in the module's parameter node and for the module's functions: depthMm."""
        first, *others = self.field.split("_")
        return first + "".join(word.capitalize() for word in others)

    def require(self, value: object, called: str = "") -> None:
        """Raises InputError, one sentence, for what is no number or out of the range; ``called`` is its name where the user gave it."""
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not (is_number and self.low <= value <= self.high):
            shown, bounds = value if is_number else repr(value), f"between {self.low:g} and {self.high:g} {self.unit}"
            raise InputError(f"{called or self.field} is {shown}, and must be a number {bounds}.")


#: Those that mean something to every effect; each effect's own stand in its row of effect.records.
#: The ranges keep typing errors out (12 m, -3 mm); whether a face is really gone is judged by the verification.
NUMBERS = (
    Number(
        "depth_mm",
        0.5,
        50.0,
        "mm",
        "how far below the skin the face segment reaches; inside a curve less than 12 changes hardly less",
        Parameters.depth_mm,
    ),
    Number("outside_mm", 0.0, 50.0, "mm", "how far in front of the skin it reaches at least", Parameters.outside_mm),
    Number("protect_margin_mm", 0.0, 50.0, "mm", "how far it stays away from every protected segment", Parameters.protect_margin_mm),
    Number("superficial_mm", 0.0, 20.0, "mm", "skin and fat over the node levels that may change", Parameters.superficial_mm),
    Number("bone_hu", -1000.0, 3000.0, "HU", "what is brighter counts as bone", Parameters.bone_hu, is_option=False),
)
#: Lowest and highest value of each, by its field.
RANGES = {number.field: (number.low, number.high) for number in NUMBERS}
#: A watermark is no longer than that.
LONGEST_WATERMARK = 24


def require_watermark(text: str) -> None:
    """Raises InputError for a text that cannot be drawn on a face: too long, blank, or not in printable ASCII."""
    if text and (len(text) > LONGEST_WATERMARK or not text.strip() or not all(" " <= letter <= "~" for letter in text)):
        raise InputError(f"The watermark '{text}' cannot be drawn: give at most {LONGEST_WATERMARK} plain letters or digits.")
