"""Charts as accessible SVG, each with its numbers in a table: no script, no font file, the same bytes each time.

Every chart is a figure with a caption, a title and a description for screen readers, and a table of the very numbers
that are drawn. Series differ by their order and label, not by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import table

_WIDTH = 736
_TEXT = 13
_CLASSES = ("first", "second", "third")
# A letter of the widest of the page's fonts at this size; labels longer than the most are cut, the table has them whole.
_LETTER = 7.5
_MOST_LETTERS = 42


@dataclass(frozen=True)
class Legend:
    """Carry what a chart is called: a key for its ids, its caption, and what a reader should see in it."""

    key: str
    caption: str
    description: str


def bars(
    legend: Legend,
    series: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    *,
    unit: str = "%",
    decimals: int = 1,
    head: str = "",
) -> str:
    """Return horizontal bars, one group a row and one bar a series; values may be negative."""
    labels = [_cut(label, _MOST_LETTERS) for label, _ in rows]
    left = max((len(label) for label in labels), default=1) * _LETTER + 12
    values = [value for _, row in rows for value in row]
    low, high = min([0.0, *values]), max([0.0, *values])
    reach = (high - low) or 1.0
    room = _WIDTH - left - 64

    def x(value: float) -> float:
        return left + (value - low) / reach * room

    step, gap = 16, 10
    top = 24 if len(series) > 1 else 6
    parts = [_keys(series)] if len(series) > 1 else []
    y = float(top)
    for label, (_, row) in zip(labels, rows, strict=True):
        middle = y + step * len(row) / 2 + 4
        parts.append(f'<text x="{left - 8:.1f}" y="{middle:.1f}" text-anchor="end">{e(label)}</text>')
        for at, value in enumerate(row):
            start, end = sorted((x(0.0), x(value)))
            parts.append(
                f'<rect class="{_CLASSES[at]}" x="{start:.1f}" y="{y + 1:.1f}" width="{max(end - start, 0.5):.1f}" '
                f'height="{step - 3}"/><text x="{end + 4:.1f}" y="{y + step - 4:.1f}">{signed(value, decimals)}{e(unit)}</text>'
            )
            y += step
        y += gap
    parts.append(f'<path class="axis" d="M{x(0.0):.1f} {top}V{y - gap + 2:.1f}"/>')
    numbers = [[label, *(signed(value, decimals) + unit for value in row)] for label, row in rows]
    return _figure(legend, y, parts, [(head, False), *((name, True) for name in series)], numbers)


def columns(
    legend: Legend,
    series: Sequence[str],
    edges: Sequence[float],
    counts: Sequence[Sequence[int]],
    *,
    axis: str,
    head: str,
) -> str:
    """Return a histogram: counts (series x bins) between edges (bins + 1); `axis` names what runs to the right."""
    height, left, bottom = 250.0, 56.0, 46.0
    top = 26.0
    most = max([1, *(count for row in counts for count in row)])
    bins = len(edges) - 1
    width = (_WIDTH - left - 22) / bins
    parts = [_keys(series)] if len(series) > 1 else []
    for share in (0.0, 0.5, 1.0):
        y = height - bottom - share * (height - bottom - top)
        parts.append(
            f'<path class="rule" d="M{left:.1f} {y:.1f}H{_WIDTH - 22}"/>'
            f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{most * share:,.0f}</text>'
        )
    each = (width - 3) / max(len(counts), 1)
    for s, row in enumerate(counts):
        for b, count in enumerate(row):
            tall = count / most * (height - bottom - top)
            parts.append(
                f'<rect class="{_CLASSES[s]}" x="{left + b * width + 1.5 + s * each:.1f}" '
                f'y="{height - bottom - tall:.1f}" width="{each:.1f}" height="{tall:.1f}"/>'
            )
    every = max(1, bins // 10)
    parts += [
        f'<text x="{left + b * width:.1f}" y="{height - bottom + 17:.1f}" text-anchor="middle">{edges[b]:g}</text>'
        for b in range(0, bins + 1, every)
    ]
    parts.append(
        f'<text x="{(_WIDTH + left) / 2:.1f}" y="{height - 8:.1f}" text-anchor="middle">{e(axis)}</text>'
    )
    numbers = [[f"{edges[b]:g} to {edges[b + 1]:g}", *(f"{row[b]:,}" for row in counts)] for b in range(bins)]
    return _figure(legend, height, parts, [(head, False), *((name, True) for name in series)], numbers)


def intervals(
    legend: Legend,
    rows: Sequence[tuple[str, float, float, float]],
    *,
    most: float,
    axis: str,
    heads: tuple[str, str, str, str],
) -> str:
    """Return one line a row from low to high with a mark at its value: rows of (label, value, low, high), 1 to `most`."""
    labels = [_cut(label, _MOST_LETTERS) for label, *_ in rows]
    left = max((len(label) for label in labels), default=1) * _LETTER + 12
    room = _WIDTH - left - 30

    def x(value: float) -> float:
        return left + (value - 1) / max(most - 1, 1) * room

    step, top = 22, 8.0
    height = top + step * len(rows) + 44
    bottom = top + step * len(rows)
    ticks = sorted({round(1 + share * (most - 1)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)})
    parts = [
        f'<path class="rule" d="M{x(value):.1f} {top}V{bottom + 4:.1f}"/>'
        f'<text x="{x(value):.1f}" y="{bottom + 19:.1f}" text-anchor="middle">{value:,}</text>'
        for value in ticks
    ]
    parts.append(
        f'<text x="{left + room / 2:.1f}" y="{height - 8:.1f}" text-anchor="middle">{e(axis)}</text>'
    )
    for at, (label, value, low, high) in enumerate(
        (label, *row[1:]) for label, row in zip(labels, rows, strict=True)
    ):
        y = top + step * at + step / 2
        parts.append(
            f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{e(label)}</text>'
            f'<path class="whisker" d="M{x(low):.1f} {y:.1f}H{x(high):.1f}"/>'
            f'<path class="whisker-end" d="M{x(low):.1f} {y - 5:.1f}v10M{x(high):.1f} {y - 5:.1f}v10"/>'
            f'<circle class="second" cx="{x(value):.1f}" cy="{y:.1f}" r="5"/>'
        )
    numbers = [[label, f"{value:,.0f}", f"{low:,.0f}", f"{high:,.0f}"] for label, value, low, high in rows]
    return _figure(legend, height, parts, [(heads[0], False), *((head, True) for head in heads[1:])], numbers)


def grid(
    legend: Legend, labels: Sequence[str], values: Sequence[Sequence[float | None]], *, head: str
) -> str:
    """Return a square of correlations, each written in its cell; rows and columns are numbered by the labels' order."""
    count = len(labels)
    names = [f"{at + 1} {_cut(label, _MOST_LETTERS)}" for at, label in enumerate(labels)]
    left = max(len(name) for name in names) * _LETTER + 12
    size = min(48.0, (_WIDTH - left - 4) / count)
    top = 22.0
    parts = [
        f'<text x="{left + (at + 0.5) * size:.1f}" y="15" text-anchor="middle">{at + 1}</text>'
        for at in range(count)
    ]
    for i in range(count):
        y = top + i * size
        parts.append(f'<text x="4" y="{y + size / 2 + 4:.1f}">{e(names[i])}</text>')
        for j in range(count):
            value = values[i][j]
            x = left + j * size
            strength = 0.0 if value is None else min(abs(value), 1.0)
            colour = "first" if value is None or value >= 0 else "second"
            # White paper under the colour, so that the ink of the number can be chosen for contrast in both appearances.
            ink = "on-dark" if strength > 0.75 else "on-light"
            said = "" if value is None else f"{value:+.2f}" if i != j else "1"
            parts.append(
                f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}" fill="#ffffff"/>'
                f'<rect class="{"cell-plus" if colour == "first" else "cell-minus"}" x="{x + 1:.1f}" y="{y + 1:.1f}" '
                f'width="{size - 2:.1f}" height="{size - 2:.1f}" fill-opacity="{strength:.2f}"/>'
                f'<text class="{ink}" x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" text-anchor="middle" '
                f'font-size="{min(_TEXT, size / 3.2):.1f}">{said}</text>'
            )
    numbers = [
        [f"{i + 1} {labels[i]}", *("" if value is None else f"{value:+.2f}" for value in values[i])]
        for i in range(count)
    ]
    heads = [(head, False), *((str(at + 1), True) for at in range(count))]
    return _figure(legend, top + count * size + 4, parts, heads, numbers)


def scrolled(label: str, text: str) -> str:
    """Return a wide table in a box that scrolls by itself and can be reached by keyboard."""
    return f'<div class="scroll" role="region" aria-label="{e(label)}" tabindex="0">{text}</div>\n'


def _figure(
    legend: Legend,
    height: float,
    parts: Sequence[str],
    heads: Sequence[tuple[str, bool]],
    numbers: Sequence[Sequence[str]],
) -> str:
    key = e(legend.key)
    return (
        f'<figure class="chart"><figcaption id="{key}-caption">{e(legend.caption)}</figcaption>\n'
        f'<div class="scroll" role="region" aria-labelledby="{key}-caption" tabindex="0">'
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-labelledby="{key}-title {key}-text">'
        f'<title id="{key}-title">{e(legend.caption)}</title><desc id="{key}-text">{e(legend.description)}</desc>'
        f"{''.join(parts)}</svg></div>\n"
        f'<p class="hint">{e(legend.description)}</p>\n'
        f"<details><summary>The numbers of this chart</summary>\n"
        f'<div class="scroll" role="region" aria-labelledby="{key}-caption" tabindex="0">'
        f"{table(legend.caption, heads, numbers, name=f'{legend.key}-table', is_hidden_caption=True)}</div></details></figure>\n"
    )


def _keys(series: Sequence[str]) -> str:
    parts, x = [], 4.0
    for at, name in enumerate(series):
        parts.append(
            f'<rect class="{_CLASSES[at]}" x="{x:.1f}" y="3" width="13" height="13"/><text x="{x + 18:.1f}" y="14">{e(name)}</text>'
        )
        x += 18 + len(name) * _LETTER + 24
    return "".join(parts)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def signed(value: float, decimals: int) -> str:
    """Return a number with its thousands parted, and without a minus sign where it rounds to zero."""
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
