"""The attacks' figures as JSON, CSV, one picture and a few sentences."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import OutputError

if TYPE_CHECKING:
    from ..attack.study import Findings, Study

_SHARES = (("rank-1", "rank1"), ("rank-5", "rank5"))


def facts_of(study: Study, left_out: list[str]) -> dict[str, Any]:
    """The figures as plain numbers and words; ``left_out`` says what was not tried and why."""
    from ..attack.linkage import OUT_OF_SCOPE
    from ..attack.scores import best_option, ranks

    trial, names = study.trial, [found.name for found in study.findings]
    recognition = trial.result()
    option, matrix = best_option(trial.options(), trial.columns())
    per_head = dict(zip(names, ranks(matrix, trial.columns()).tolist(), strict=True))
    heads = {found.name: _plain({"rank_with_best_option": per_head[found.name], **_of_head(found)}) for found in study.findings}
    return {
        **asdict(recognition),
        "chance_rank1": 1 / recognition.gallery,
        "best_option": option,
        "rank_with_best_option": per_head,
        "rendered": _rendered_facts(study),
        "linkage": {**study.linkage(), "scope": OUT_OF_SCOPE},
        "heads": heads,
        "left_out": left_out,
    }


def _of_head(found: Findings) -> dict[str, Any]:
    """Everything but the ranks of one head."""
    return {
        "recovered_mm": dict(found.recovered_mm),
        "residue": None if found.residue is None else asdict(found.residue),
        "leftovers": asdict(found.leftovers),
        "rendered": None if found.rendered is None else asdict(found.rendered),
    }


def _rendered_facts(study: Study) -> dict[str, Any] | None:
    """How many heads a recogniser sees and takes for themselves; None where there was none."""
    from ..attack.rendered import TOLERANCES

    seen = [found.rendered for found in study.findings if found.rendered is not None]
    if not seen:
        return None
    return {
        "heads": len(seen),
        "detected_before": sum(r.detected_before > 0 for r in seen),
        "detected_after": sum(r.detected_after > 0 for r in seen),
        "tolerances": TOLERANCES,
        **{f"matched_{name}": sum(r.matched(limit) for r in seen) for name, limit in TOLERANCES.items()},
        "nearer_than_any_other": sum(r.own.distance < r.others.distance for r in seen),
    }


def _plain(value: object) -> Any:  # noqa: ANN401 (whatever JSON can hold)
    """The value in JSON's own types: numbers that are none become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def summary(facts: Mapping[str, Any]) -> str:
    """The figures in a few lines."""
    share = [f"{name} {facts[key]['value']:.1%} ({facts[key]['low']:.1%} to {facts[key]['high']:.1%})" for name, key in _SHARES]
    auc = "AUC {value:.2f} ({low:.2f} to {high:.2f})".format(**facts["auc"])
    chance = f"chance {facts['chance_rank1']:.1%}"
    lines = [f"{facts['probes']} results against {facts['gallery']} skins: {share[0]}, {chance}, {share[1]}, {auc}"]
    if facts["rendered"]:
        words = (
            "pictures: of {heads} heads a face is detected in {detected_before} before, in {detected_after} after; taken for the original "
            "{matched_strict} (strict), {matched_default} (default tolerance); nearer to it than to others {nearer_than_any_other}"
        )
        lines.append(words.format(**facts["rendered"]))
    lines += [_residue_line(facts["heads"]), "{scope}, rank-1 {rank1:.1%}, AUC {auc:.2f}".format(**facts["linkage"])]
    return "\n".join(lines)


def _residue_line(heads: Mapping[str, Any]) -> str:
    """What is left in how many heads."""
    unchanged = [head["residue"]["unchanged"]["1.0"] for head in heads.values() if head["residue"]]
    skin = f"skin of the window unchanged {sum(unchanged) / len(unchanged):.1%} on average" if unchanged else "on other grids"
    told = [
        f"{sum(bool(head['leftovers'][key]) for head in heads.values())} with {words}"
        for key, words in (("header", "header fields of the original"), ("scouts", "a scout"), ("pictures", "embedded pictures"),
                           ("certificate", "something of the original in the certificate"))
    ]  # fmt: skip
    return f"left: {skin}; {', '.join(told)}"


def figure_left_out() -> list[str]:
    """Why there is no picture; empty where there is one."""
    return [] if find_spec("matplotlib") else ["attack.png is left out: matplotlib is not installed (pip install matplotlib)."]


def write_report(folder: Path, facts: Mapping[str, Any], study: Study) -> None:
    """attack.json, attack_heads.csv, attack.csv and attack.png. Raises OutputError where they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "attack.json").write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        _write_distances(folder / "attack.csv", study)
        _write_heads(folder / "attack_heads.csv", facts["heads"])
        if not figure_left_out():
            from ..attack.figure import write_figure

            write_figure(folder / "attack.png", study.trial)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error


def _write_distances(path: Path, study: Study) -> None:
    """Every option's distance of every result to every head."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["option", "probe", *study.trial.gallery.names])
        names = [found.name for found in study.findings]
        options = {**study.trial.options(), "bone (out of scope)": [found.bone_mm for found in study.findings]}
        for option, matrix in options.items():
            writer.writerows([option, name, *(f"{v:.4f}" for v in row)] for name, row in zip(names, matrix, strict=True))


def _write_heads(path: Path, heads: Mapping[str, Any]) -> None:
    """A line per result; nested figures as a.b.c."""
    lines = [{"head": name, **_flat(head)} for name, head in heads.items()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _flat(value: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            out.update(_flat(item, f"{above}{key}."))
        else:
            out[f"{above}{key}"] = "; ".join(map(str, item)) if isinstance(item, list) else item
    return out
