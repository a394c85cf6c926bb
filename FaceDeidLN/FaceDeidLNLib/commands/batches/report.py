"""The report of a batch: one HTML file that needs nothing else, with no picture and no path of an input."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from ...output.certificate import certificate_path
from .figures import FIGURES
from .ledger import Row

#: No network, no pictures, no other files: the page holds all it needs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; background: #fff; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #ddd; padding: .3em .6em; text-align: left; vertical-align: top; }
th button { font: inherit; font-weight: bold; border: 0; background: none; padding: 0; cursor: pointer; }
td.PASS { color: #06623b; } td.REVIEW { color: #8a5a00; } td.FAIL, td.BAD { color: #a01818; } td.number { text-align: right; }
figure { display: inline-block; margin: 1em 2em 1em 0; } rect { fill: #4a76a8; } text { font-size: 11px; fill: #444; }
"""
#: Sorts the table by the column whose head is pressed, by number where every cell is one; once more turns the order round.
_SCRIPT = """
document.querySelectorAll("th button").forEach((button, column) => button.addEventListener("click", () => {
  const body = document.querySelector("tbody"), rows = [...body.rows], told = row => row.cells[column].textContent;
  const numbers = rows.every(row => told(row) === "" || !isNaN(told(row)));
  const order = (a, b) => numbers ? told(a) - told(b) : told(a).localeCompare(told(b));
  const turned = button.dataset.order === "up";
  rows.sort((a, b) => turned ? order(b, a) : order(a, b)).forEach(row => body.append(row));
  button.dataset.order = turned ? "down" : "up";
}));
"""
_HEADS = ("case", "verdict", "privacy", "seconds", "memory (MB)", "attempts", "reasons")
_NUMBERS = (3, 4, 5)
_BARS, _WIDTH_PX, _HEIGHT_PX = 20, 320, 90
#: The distribution of a figure that describes faces is shown of so many cases at least, because the page may travel with the results.
_LEAST_CASES = 10


def report_html(rows: Sequence[Row], certificates: str = "") -> str:
    """The page: counts and shares, distributions, and a table that can be sorted; it shows no face.

    ``certificates`` is the way from the page to the folder of the results, "" where it lies there.
    """
    counts = Counter(row.verdict for row in rows)
    told = ", ".join(f"{count} {verdict} ({count / len(rows):.0%})" for verdict, count in sorted(counts.items())) or "none"
    seconds = sum(float(row.seconds or 0) for row in rows)
    heads = "".join(f"<th><button>{escape(head)}</button></th>" for head in _HEADS)
    lines = "\n".join(_table_row(row, certificates) for row in rows)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>FaceDeidLN batch</title><style>{_STYLE}</style></head>\n<body><h1>Batch of {len(rows)} cases</h1><p>{escape(told)}; "
        f"{sum(row.is_released for row in rows)} released; {seconds / 3600:.1f} hours of work. This page shows no face.</p>\n"
        f"{''.join(_figures(rows))}\n<table><thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table>"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _figures(rows: Sequence[Row]) -> list[str]:
    """Histograms of seconds and memory, and of the figures of faces where there are enough cases."""
    plots = [_histogram([row.seconds for row in rows], "seconds per case")]
    plots.append(_histogram([row.peak_memory_mb for row in rows], "peak memory, MB"))
    known = [json.loads(row.figures) for row in rows]
    for name, title in FIGURES.items():
        values = [str(figures[name]) for figures in known if name in figures]
        plots += [_histogram(values, title)] if len(values) >= _LEAST_CASES else []
    return plots


def _table_row(row: Row, certificates: str) -> str:
    cells = [escape(cell) for cell in (row.case, row.verdict, row.privacy, row.seconds, row.peak_memory_mb, str(row.attempts), row.reasons)]
    if row.is_released:
        link = quote(PurePosixPath(certificates, certificate_path(Path(row.output))).as_posix())
        cells[0] = f'<a href="{escape(link)}">{cells[0]}</a>'
    marks = ["" if number not in _NUMBERS else ' class="number"' for number in range(len(cells))]
    marks[1] = f' class="{escape(row.verdict.split(" ")[0])}"'
    return "<tr>" + "".join(f"<td{mark}>{cell}</td>" for mark, cell in zip(marks, cells, strict=True)) + "</tr>"


def _histogram(cells: Sequence[str], title: str) -> str:
    """Bars of equal width from 0 to the largest value; nothing where no cell holds a number."""
    values = [float(cell) for cell in cells if cell.replace(".", "", 1).isdigit()]
    if not values:
        return ""
    largest = max(values) or 1.0
    bars = Counter(min(int(_BARS * value / largest), _BARS - 1) for value in values)
    width, most = _WIDTH_PX / _BARS, max(bars.values())
    drawn = ""
    for bar, count in sorted(bars.items()):
        height = _HEIGHT_PX * count / most
        place = f'x="{width * bar:.1f}" y="{_HEIGHT_PX - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
        drawn += f"<rect {place}><title>{count} cases</title></rect>"
    axis = f'<text x="0" y="{_HEIGHT_PX + 14}">0</text><text x="{_WIDTH_PX}" y="{_HEIGHT_PX + 14}" text-anchor="end">{largest:g}</text>'
    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX + 18}"'
    return f'<figure><svg {size} role="img">{drawn}{axis}</svg><figcaption>{escape(title)} (up to {most} cases)</figcaption></figure>'


def write_report(rows: Sequence[Row], path: Path, out_dir: Path) -> None:
    """Write the page, in the place of an earlier one; its links lead to the certificates in ``out_dir``.

    :raises OutputError: it cannot be written.
    """
    from ...output.atomic import released_file

    way = "" if path.absolute().parent == out_dir.absolute() else out_dir.absolute().as_posix()
    with released_file(path, overwrite=True) as partial:
        partial.write_text(report_html(rows, way), encoding="utf-8", errors="backslashreplace")
