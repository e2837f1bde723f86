"""Draw charts as HTML and SVG: bars, histograms, heat maps, matrices; pure functions.

Colours are CSS classes of plots.css, so that one drawing serves light and dark. Texts are escaped.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def section(title: str, note: str, *parts: str) -> str:
    """Return a part of the page under a heading."""
    return f"<section><h2>{_text(title)}</h2><p>{_text(note)}</p>{''.join(parts)}</section>"


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return names and values as a definition list."""
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in pairs)
    return f"<dl>{rows}</dl>"


def bars(rows: Sequence[tuple[str, Sequence[float]]], *, shown: Sequence[str] = ()) -> str:
    """Return a table of bars, a row for each name.

    Args:
        rows: Name and one value for each series, >= 0.
        shown: The values of each row as people read them; by default as whole numbers.
    """
    most = max((value for _, values in rows for value in values), default=0) or 1
    lines = []
    for place, (name, values) in enumerate(rows):
        height = 100 / max(len(values), 1)
        drawn = "".join(
            _rect(0, n * height, value / most * 100, height * 0.9, f"s{n}")
            for n, value in enumerate(values)
        )
        text = shown[place] if shown else " → ".join(f"{value:,.0f}" for value in values)
        lines.append(
            f'<tr><th scope="row">{_text(name)}</th><td>{_svg(100, 100, drawn)}</td>'
            f"<td>{_text(text)}</td></tr>"
        )
    return f'<table class="bars">{"".join(lines)}</table>'


def histogram(
    series: Sequence[Sequence[float]], *, names: Sequence[str], axis: Sequence[str]
) -> str:
    """Return a histogram with a column per series in each bin; several series are normalised.

    Args:
        series: Count per bin, the same number of bins in each.
        names: What each bin is.
        axis: Texts along the axis, spread evenly.
    """
    totals = [sum(counts) or 1 for counts in series]
    shares = [[n / total for n in counts] for counts, total in zip(series, totals, strict=True)]
    most = max((share for one in shares for share in one), default=0) or 1
    width = 100 / max(len(names), 1)
    drawn = []
    for place, name in enumerate(names):
        for number, counts in enumerate(series):
            tall = shares[number][place] / most * 100
            part = width / len(series)
            title = f"{name}: {counts[place]:,.0f} ({shares[number][place]:.1%})"
            left = place * width + number * part
            drawn.append(_rect(left, 100 - tall, part * 0.9, tall, f"s{number}", title))
    return _figure("".join(drawn), axis)


def stacked(
    bins: Sequence[Sequence[float]],
    *,
    names: Sequence[str],
    titles: Sequence[str],
    axis: Sequence[str],
) -> str:
    """Return a stacked column chart: one column per bin, whose parts add up to at most 1.

    Args:
        bins: Of each bin the size of each part, 0..1.
        names: Class of each part.
        titles: What each bin is.
        axis: Texts along the axis, spread evenly.
    """
    width = 100 / max(len(bins), 1)
    drawn = []
    for place, parts in enumerate(bins):
        top = 100.0
        for name, size in zip(names, parts, strict=True):
            if size > 0:
                top -= size * 100
                title = f"{titles[place]}: {name} {size:.0%}"
                drawn.append(_rect(place * width, top, width, size * 100, name, title))
    return _figure("".join(drawn), axis)


def heat(rows: Sequence[Sequence[float]]) -> str:
    """Return a heat map; the opacity is proportional to the value."""
    most = max((value for row in rows for value in row), default=0) or 1
    drawn = "".join(
        f'<rect class="s0" x="{x}" y="{y}" width="1" height="1" '
        f'fill-opacity="{value / most:.3f}"><title>{value:,.0f}</title></rect>'
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
        if value
    )
    width = len(rows[0]) if rows else 1
    return f'<div class="heat">{_svg(width, len(rows) or 1, drawn)}</div>'


def matrix(names: Sequence[str], values: Sequence[Sequence[int]]) -> str:
    """Return a co-occurrence matrix; columns are numbered like the rows."""
    most = max(
        (values[r][c] for r in range(len(names)) for c in range(len(names)) if r != c), default=0
    )
    head = "".join(f'<th scope="col">{n + 1}</th>' for n in range(len(names)))
    lines = []
    for row, name in enumerate(names):
        cells = []
        for column, other in enumerate(names):
            value = values[row][column]
            strength = 0 if row == column else value / (most or 1)
            drawn = f'<rect class="s0" width="1" height="1" fill-opacity="{strength:.3f}"/>'
            title = _text(f"{name}, {other}: {value:,}")
            cells.append(f'<td title="{title}">{_svg(1, 1, drawn)}<span>{value:,}</span></td>')
        lines.append(f'<tr><th scope="row">{row + 1} {_text(name)}</th>{"".join(cells)}</tr>')
    table = f'<table class="matrix"><tr><td></td>{head}</tr>{"".join(lines)}</table>'
    return f'<div class="wide">{table}</div>'


def legend(names: Sequence[tuple[str, str]]) -> str:
    """Return a legend: CSS class and text of each series."""
    items = "".join(
        f"<li>{_svg(1, 1, _rect(0, 0, 1, 1, kind))}{_text(text)}</li>" for kind, text in names
    )
    return f'<ul class="legend">{items}</ul>'


def _figure(drawn: str, axis: Sequence[str]) -> str:
    marks = "".join(f"<span>{_text(mark)}</span>" for mark in axis)
    return f'<figure>{_svg(100, 100, drawn)}<p class="axis">{marks}</p></figure>'


def _svg(width: float, height: float, drawn: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none">{drawn}</svg>'


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    inner = f"<title>{_text(title)}</title>" if title else ""
    return (
        f'<rect class="{kind}" x="{x:.3f}" y="{y:.3f}" width="{width:.3f}" '
        f'height="{height:.3f}">{inner}</rect>'
    )


def _text(text: str) -> str:
    return html.escape(text)
