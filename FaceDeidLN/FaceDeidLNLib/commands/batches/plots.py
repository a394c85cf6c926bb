"""Distributions as drawings of a page: bars of round widths, with the median."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_MOST_BARS, _WIDTH_PX, _HEIGHT_PX, _TOP_PX, _BELOW_PX = 24, 340, 90, 14, 18
#: Steps of an axis that people read, times a power of ten.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class _Axis:
    """Where it begins, and the width and number of its bars."""

    low: float
    step: float
    bars: int

    def at(self, bar: int) -> float:
        """Where a bar begins."""
        return self.low + self.step * bar


def histogram(cells: Sequence[str], title: str) -> str:
    """The values among the cells as a figure of HTML; nothing where no cell holds a number."""
    values = [float(cell) for cell in cells if cell.replace(".", "", 1).isdecimal()]
    if not values:
        return ""
    if min(values) == max(values):
        return (
            f'<figure><p class="same">{_number(values[0])}</p><figcaption>{escape(title)}, in all {len(values)} cases</figcaption></figure>'
        )
    axis, median = _axis(min(values), max(values)), statistics.median(values)
    bars = Counter(min(int((value - axis.low) / axis.step), axis.bars - 1) for value in values)
    drawn = "".join(_bar(axis, bar, count, max(bars.values())) for bar, count in sorted(bars.items()))
    size = f'width="{_WIDTH_PX}" height="{_TOP_PX + _HEIGHT_PX + _BELOW_PX}"'
    return (
        f'<figure><svg {size} role="img" aria-label="{escape(title)}">{drawn}{_marks(axis, median)}</svg>'
        f'<figcaption>{escape(title)}<br><span class="dim">median {_number(median)}, from {_number(min(values))} to '
        f"{_number(max(values))}; {len(values)} cases</span></figcaption></figure>"
    )


def _axis(least: float, most: float) -> _Axis:
    """From 0, unless all values lie in the upper half."""
    low = 0.0 if least < most / 2 else least
    step = _rounded_up((most - low) / (_MOST_BARS - 2))
    low = math.floor(low / step) * step
    return _Axis(low, step, math.floor((most - low) / step) + 1)


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor for factor in _ROUND if factor * power >= value * (1 - 1e-9)) * power


def _bar(axis: _Axis, bar: int, count: int, most: int) -> str:
    width, height = _WIDTH_PX / axis.bars, max(2.0, _HEIGHT_PX * count / most)
    place = f'x="{width * bar:.1f}" y="{_TOP_PX + _HEIGHT_PX - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
    said = f"{_number(axis.at(bar))} to {_number(axis.at(bar + 1))}: {count} case{'s' * (count != 1)}"
    return f'<rect {place} rx="1"><title>{said}</title></rect>'


def _marks(axis: _Axis, median: float) -> str:
    """The ends of the axis, and a line at the median."""
    at, below = _WIDTH_PX * (median - axis.low) / (axis.step * axis.bars), _TOP_PX + _HEIGHT_PX + 13
    line = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP_PX - 10}" y2="{_TOP_PX + _HEIGHT_PX}"/>'
    ends = ((0, "start", axis.low), (_WIDTH_PX, "end", axis.at(axis.bars)))
    return line + "".join(f'<text x="{x}" y="{below}" text-anchor="{anchor}">{_number(value)}</text>' for x, anchor, value in ends)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
