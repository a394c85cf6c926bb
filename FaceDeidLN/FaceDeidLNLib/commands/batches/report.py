"""The report of a batch: one HTML file that needs nothing else, with no picture and no path of an input."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from ...output.certificate import certificate_path
from .figures import FIGURES
from .ledger import Row
from .plots import histogram
from .row import as_told

_PLACE = "<!--BODY-->"
#: By which a page is known as a report, of an earlier version too.
_TITLE = "<title>FaceDeidLN batch</title>"
_HEADS = ("case", "verdict", "privacy", "seconds", "CPU seconds", "memory (MB)", "attempts", "reasons")
_NUMBERS = (3, 4, 5, 6)
#: The distribution of a figure that describes faces is shown of so many cases at least, because the page may travel with the results.
_LEAST_CASES = 10
#: So many of the reasons that are given most often stand above the table.
_MOST_REASONS = 8
_NUMBER = re.compile(r"\d+([.,]\d+)*")
_HOUR_S, _GB_MB = 3600, 1024


def report_html(rows: Sequence[Row], certificates: str = "") -> str:
    """The page: counts, shares and costs, distributions, and a table to sort and to search; it shows no face.

    ``certificates`` is the way from the page to the folder of the results, "" where it lies there.
    """
    parts = [f"<header><h1>Batch of {len(rows)} cases</h1>", '<p class="dim">This page shows no face.</p></header>']
    parts += [_tiles(rows), _shares(rows), *_reasons(rows), *_plots(rows), *_table(rows, certificates)]
    page = files(__package__).joinpath("report_page.html").read_text(encoding="utf-8")
    return page.replace(_PLACE, "\n".join(filter(None, parts)))


def _tiles(rows: Sequence[Row]) -> str:
    """The figures that are asked for first."""
    refused = sum(row.is_refused for row in rows)
    tiles = [
        (f"{sum(row.is_released for row in rows)}", "released"),
        (f"{sum(row.waits and not row.is_refused for row in rows)}", "wait for a person"),
        (f"{refused}", "refused"),
    ]
    if cpu_s := [float(row.cpu_seconds) for row in rows if row.cpu_seconds]:
        per_thousand = 1000 * statistics.fmean(cpu_s) / _HOUR_S
        tiles += [(f"{sum(cpu_s) / _HOUR_S:.2g}", "core hours"), (f"{per_thousand:.2g}", "core hours per 1,000 cases")]
    if memory_mb := [float(row.peak_memory_mb) for row in rows if row.peak_memory_mb]:
        tiles.append((f"{max(memory_mb) / _GB_MB:.2g}", "GB at most"))
    return '<div class="tiles">' + "".join(f"<div><b>{number}</b>{escape(what)}</div>" for number, what in tiles) + "</div>"


def _verdicts(rows: Sequence[Row]) -> list[tuple[str, int]]:
    return sorted(Counter(row.verdict for row in rows).items(), key=lambda one: (-one[1], one[0]))


def _mark(verdict: str) -> str:
    """The class of a verdict in the page: its first word."""
    return escape(verdict.split(" ")[0])


def _shares(rows: Sequence[Row]) -> str:
    """One bar of all verdicts, with their counts and shares below."""
    counts = _verdicts(rows)
    bar = "".join(f'<span class="{_mark(verdict)}" style="flex:{count}"></span>' for verdict, count in counts)
    told = " &nbsp; ".join(
        f'<span class="spot {_mark(verdict)}"></span>{count} {escape(verdict)} ({count / len(rows):.0%})' for verdict, count in counts
    )
    return f'<div class="shares">{bar}</div><p>{told}</p>'


def _reasons(rows: Sequence[Row]) -> list[str]:
    """Why most of those that were not released were not, whatever the numbers in it; pressing one finds its cases."""
    told = [reason for row in rows if not row.is_released for reason in row.reasons.split("; ") if reason]
    forms: dict[str, set[str]] = {}
    for reason in told:
        forms.setdefault(_NUMBER.sub("…", reason), set()).add(reason)
    most = Counter(_NUMBER.sub("…", reason) for reason in told).most_common(_MOST_REASONS)
    shown = [(next(iter(forms[form])) if len(forms[form]) == 1 else form, count) for form, count in most]
    lines = "".join(f"<li><b>{count}</b><button>{escape(reason)}</button></li>" for reason, count in shown)
    return [f'<h2>Why cases were not released</h2><ul class="reasons">{lines}</ul>'] if most else []


def _plots(rows: Sequence[Row]) -> list[str]:
    """Histograms of what a case took, and of the figures of faces where there are enough cases."""
    plots = [histogram([row.cpu_seconds or row.seconds for row in rows], "processor seconds per case")]
    plots.append(histogram([row.peak_memory_mb for row in rows], "peak memory, MB"))
    known = [json.loads(row.figures) for row in rows]
    for name, (title, step) in FIGURES.items():
        values = [f"{round(figures[name] / step) * step:g}" for figures in known if name in figures]
        plots += [histogram(values, title)] if len(values) >= _LEAST_CASES else []
    return ['<h2>Distributions</h2><div class="plots">', *plots, "</div>"] if any(plots) else []


def _table(rows: Sequence[Row], certificates: str) -> list[str]:
    chip = '<button aria-pressed="false" data-verdict="{name}"><span class="spot {mark}"></span>{name}</button>'
    chips = "".join(chip.format(name=escape(verdict), mark=_mark(verdict)) for verdict, _ in _verdicts(rows))
    heads = "".join(f"<th><button>{escape(head)}</button></th>" for head in _HEADS)
    lines = "\n".join(_table_row(row, certificates) for row in rows)
    return [
        '<h2>Cases</h2><div class="find"><input id="find" type="search" placeholder="find a case or a reason" aria-label="find"> '
        f'<kbd>/</kbd> {chips} <span id="shown" class="dim" role="status"></span></div>',
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table></div>',
    ]


def _table_row(row: Row, certificates: str) -> str:
    row = as_told(row)
    took = (row.seconds, row.cpu_seconds, row.peak_memory_mb, str(row.attempts))
    cells = [escape(cell) for cell in (row.case, row.verdict, row.privacy, *took, row.reasons)]
    if row.is_released:
        link = quote(PurePosixPath(certificates, certificate_path(Path(row.output))).as_posix())
        cells[0] = f'<a href="{escape(link)}">{cells[0]}</a>'
    marks = ["" if number not in _NUMBERS else ' class="number"' for number in range(len(cells))]
    marks[1] = f' class="verdict {_mark(row.verdict)}"'
    return "<tr>" + "".join(f"<td{mark}>{cell}</td>" for mark, cell in zip(marks, cells, strict=True)) + "</tr>"


def is_report(beginning: str) -> bool:
    """True for the first characters of a report."""
    return _TITLE in beginning


def write_report(rows: Sequence[Row], path: Path, out_dir: Path) -> None:
    """Write the page, in the place of an earlier one; its links lead to the certificates in ``out_dir``.

    :raises OutputError: it cannot be written.
    """
    from ...output.atomic import released_file

    way = "" if path.absolute().parent == out_dir.absolute() else out_dir.absolute().as_posix()
    with released_file(path, overwrite=True) as partial:
        partial.write_text(report_html(rows, way), encoding="utf-8", errors="backslashreplace")
