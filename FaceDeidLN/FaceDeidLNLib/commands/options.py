"""The options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from ..anatomy.level.table import LEVEL_RECORDS
from ..core.errors import InputError
from ..core.parameters import LONGEST_WATERMARK, NUMBERS, Parameters
from ..effect.records import OWN_NUMBERS, PRESETS, RECORDS, effects_with, own_numbers, preset_named
from ..face.styles import REGIONS
from ..header.options import OPTIONS, RESEARCH_OPTIONS
from ..providers.registry import typed_kinds

#: The numbers that have an option.
_SHARED = tuple(item for item in NUMBERS if item.is_option)
_NUMBERS = (*_SHARED, *OWN_NUMBERS)


def number(low: float, high: float, unit: str) -> Callable[[str], float]:
    """An argparse type: a finite number between ``low`` and ``high``, both included."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
        if not math.isfinite(value) or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g} {unit}")
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number between ``low`` and ``high``, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    return parse


def names(text: str) -> tuple[str, ...]:
    """An argparse type: names with commas between them, each once."""
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise argparse.ArgumentTypeError("no name given")
    return found


class Row(Protocol):
    """A row of a table that has a name and says in one phrase what it gives."""

    name: str
    gives: str


def told(rows: Iterable[Row]) -> str:
    """The rows of a table for a help."""
    return "; ".join(f"{row.name} ({row.gives})" for row in rows)


def level_names(text: str) -> tuple[str, ...]:
    """An argparse type: node levels with commas between them, or "none"."""
    return () if text.strip().casefold() == "none" else names(text)


def add_general(parser: argparse.ArgumentParser) -> None:
    """The options that every command has."""
    group = parser.add_argument_group("general")
    group.add_argument("--quiet", action="store_true", help="no progress, and nothing on standard output when all is well")
    group.add_argument("--json", action="store_true", help="one JSON object on standard output instead of text")
    group.add_argument(
        "--debug", action="store_true", help="show warnings of libraries, and the full Python error when something unexpected happens"
    )


def add_protection(parser: argparse.ArgumentParser) -> None:
    """Which segments of one case must stay as they are."""
    group = parser.add_argument_group("protection")
    add_files(
        group,
        "--nodes",
        "lymph nodes to keep: .seg.nrrd, label map, DICOM SEG or RTSTRUCT, on any grid; of it nodes, target volumes, salivary "
        "glands and what is not recognised stay",
    )
    add_node_segments(group)
    add_files(group, "--protect", "other structures to keep, as --nodes; all of their segments count")


def add_files(group: argparse._ActionsContainer, flag: str, meaning: str) -> None:
    """An option that takes a file and may be given several times (one file each, so that it may stand before INPUT too)."""
    group.add_argument(flag, action="append", type=Path, default=[], metavar="FILE", help=f"{meaning}; may be repeated")


def add_node_segments(group: argparse._ActionsContainer, where: str = "--nodes") -> None:
    """The names of the segments that count in a file of nodes, which is given ``where``."""
    group.add_argument(
        "--node-segments",
        type=names,
        action="extend",
        default=[],
        metavar="NAME,...",
        help=f"only these segments or label values of {where}",
    )


def add_guides(parser: argparse.ArgumentParser) -> None:
    """What a person may hand in for one case instead of what is found automatically."""
    group = parser.add_argument_group("help from a person (from Slicer, after a REVIEW)")
    group.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="landmarks that overrule automatic ones: .mrk.json, or nnLandmark's .json for this CT beside its name_to_label.json",
    )
    group.add_argument("--curve", type=Path, metavar="FILE", help="closed curve around the face (.mrk.json)")
    group.add_argument("--face-segment", type=Path, metavar="FILE", help="face segment instead of the automatic one")
    add_series(group)


def add_series(group: argparse._ActionsContainer) -> None:
    """Which series of a DICOM folder."""
    group.add_argument("--series", metavar="UID", help="which series, where the DICOM folder holds several; UID#2: its second stack")


def add_work(parser: argparse.ArgumentParser) -> None:
    """What is done to the face."""
    defaults = Parameters()
    group = parser.add_argument_group("de-identification")
    group.add_argument("--style", metavar="NAME", help=f"region to cover: {told(REGIONS.values())} (default: {defaults.style})")
    group.add_argument("--ears", action="store_true", help="hide the outer ears too")
    group.add_argument("--lips", action="store_true", help="hide lips and front teeth too, whatever the style leaves")
    group.add_argument("--effect", metavar="NAME", help=f"{told(RECORDS)} (default: {defaults.effect})")
    group.add_argument("--preset", metavar="NAME", help=f"region and effect after another system: {', '.join(PRESETS)}")
    group.add_argument(
        "--watermark",
        default="",
        metavar="TEXT",
        help=f"raised letters (at most {LONGEST_WATERMARK}) on the new surface, seen in every 3-D rendering; "
        "the result counts as recognisable",
    )
    for item in _NUMBERS:
        group.add_argument(
            item.flag,
            type=number(item.low, item.high, item.unit),
            default=item.default,
            metavar=item.unit.upper(),
            help=f"{item.meaning}{_only(item.field)} (default: %(default)g {item.unit})",
        )
    group.add_argument(
        "--levels",
        type=level_names,
        default=defaults.levels,
        metavar="NAME,...",
        help=f"node regions made from anatomy that stay: {told(LEVEL_RECORDS)}; none (default: {','.join(defaults.levels)})",
    )
    group.add_argument(
        "--provider",
        action="append",
        default=[],
        metavar="NAME",
        help=f"program that segments jaw, glands or nodes first: {typed_kinds()}",
    )
    group.add_argument("--cpu", action="store_true", help="let these programs work without a graphics card")
    group.add_argument("--seed", type=whole(0, 2**32 - 1), default=None, help=argparse.SUPPRESS)


def _only(field: str) -> str:
    """The effects that a number means something to, where it does not to all."""
    effects = effects_with(field)
    return f"; only for {' and '.join(effects)}" if effects else ""


def add_release(parser: argparse.ArgumentParser) -> None:
    """When and where something is written."""
    group = parser.add_argument_group("release")
    group.add_argument(
        "--accept-recognisable",
        action="store_true",
        help="release a region and effect that did not pass the attack benchmark: the person may still be recognised",
    )
    group.add_argument("--qa", type=Path, metavar="DIR", help="write review material here; IT CONTAINS THE FACE")
    add_signing(group)
    add_overwrite(group)


def add_signing(group: argparse._ActionsContainer) -> None:
    """The key that signs certificates."""
    group.add_argument(
        "--signing-key", type=Path, metavar="FILE", help="sign certificates with this private Ed25519 key (PEM), see verify-certificate"
    )


def add_header(parser: argparse.ArgumentParser) -> None:
    """What is done to names, dates and UIDs in DICOM headers."""
    group = parser.add_argument_group("DICOM headers")
    group.add_argument(
        "--header",
        default="keep",
        metavar="PROFILE",
        help="keep (names and dates stay), basic or research (DICOM PS3.15 Annex E), with options after commas: "
        f"{', '.join(OPTIONS)}; research is {', '.join(RESEARCH_OPTIONS)} (default: %(default)s)",
    )
    group.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the project's key, which makes new UIDs, pseudonyms and date shifts; basic and research need it, and make it on first use",
    )
    group.add_argument("--patients", type=Path, metavar="CSV", help="pseudonyms of your own: columns patient_id, pseudonym")


def add_overwrite(group: argparse._ActionsContainer, with_what: str = "") -> None:
    """Whether an output that is there already may be replaced; ``with_what`` begins the help: "with --one: "."""
    group.add_argument(
        "--overwrite",
        action="store_true",
        help=f"{with_what}replace an output that is there already; it stays until the new one is whole, and where that is not released",
    )


def parameters_of_options(options: argparse.Namespace) -> Parameters:
    """The choices of the run; the names of style, effect and levels are checked by ``check_names``.

    Raises InputError for a preset that there is not, or that is given together with a style or an effect, and for an option that
    would change nothing.
    """
    numbers = {item.field: getattr(options, item.field) for item in _SHARED}
    chosen = {name: value for name in ("style", "effect") if (value := getattr(options, name)) is not None}
    ears = options.ears
    if options.preset is not None:
        preset = preset_named(options.preset)
        if chosen:
            raise InputError(f"--preset chooses region and effect: leave --{next(iter(chosen))} out, or the preset.")
        chosen, ears = {"style": preset.style, "effect": preset.effect}, ears or preset.ears
    require_meant(options, chosen.get("effect", Parameters().effect))
    more = {"lips": options.lips, "watermark": options.watermark, "seed": options.seed, "levels": options.levels}
    own = own_numbers(chosen.get("effect", Parameters.effect), {item.field: getattr(options, item.field) for item in OWN_NUMBERS})
    return Parameters(**chosen, ears=ears, own=own, **more, **numbers)


def require_meant(options: argparse.Namespace, effect: str) -> None:
    """Raises InputError for a choice that the effect, or what is left out, makes meaningless: it would be passed over in silence."""
    for item in _NUMBERS:
        effects = effects_with(item.field)
        if effects and effect not in effects and getattr(options, item.field) != item.default:
            raise InputError(f"{item.flag} means nothing to the effect '{effect}': leave it out, or choose --effect {effects[0]}.")
    if not options.levels and options.superficial_mm != Parameters().superficial_mm:
        raise InputError("--superficial-mm is for the node levels, and --levels none keeps none: leave one of them out.")
    if options.cpu and not options.provider:
        raise InputError("--cpu is for the programs that --provider names, and none was named.")


def work_words(options: argparse.Namespace) -> list[str]:
    """The options of ``add_work`` as they would be typed."""
    named = ((f"--{name}", getattr(options, name)) for name in ("style", "effect", "preset"))
    words = [word for flag, value in named if value is not None for word in (flag, value)]
    words += [f"--{name}" for name in ("ears", "lips") if getattr(options, name)]
    words += [f"--watermark={options.watermark}"] if options.watermark else []
    words += [f"{item.flag}={getattr(options, item.field)!r}" for item in _NUMBERS]
    words += ["--levels", ",".join(options.levels) or "none"]
    words += [word for name in options.provider for word in ("--provider", name)] + (["--cpu"] if options.cpu else [])
    return words if options.seed is None else [*words, "--seed", str(options.seed)]


def header_words(options: argparse.Namespace) -> list[str]:
    """The options of ``add_header`` as they would be typed; none where headers are kept."""
    words = [] if options.header == "keep" else ["--header", options.header]
    return words + [
        word for name in ("key", "patients") if (path := getattr(options, name)) for word in (f"--{name}", str(path.absolute()))
    ]
