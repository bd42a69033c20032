"""Small charts as inline SVG, in the page's colours, so that they follow light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from coursekit.pages.wording import percent

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 22, 40


def share_bar(share: float | None) -> Markup:
    """A share as a number and a bar; "–" for None.

    Args:
        share: 0 to 1.
    """
    if share is None:
        return Markup('<span class="quiet">–</span>')
    width = 110 * min(1.0, max(0.0, share))
    return Markup(
        '<div class="share"><span>{}</span>'
        '<svg viewBox="0 0 110 10" width="110" aria-hidden="true">'
        '<rect class="track" width="110" height="10" rx="2"/>'
        '<rect class="bar" width="{}" height="10" rx="2"/></svg></div>'
    ).format(percent(share), f"{width:.1f}")


def histogram(counts: Sequence[int], edges: Sequence[float], unit: str) -> Markup:
    """Columns with their counts on top.

    Args:
        counts: one for each bin.
        edges: one more than counts, rising; labels of the horizontal axis.
        unit: what the horizontal axis shows, such as "points".
    """
    highest = max(counts, default=0)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(counts))
    room = HEIGHT - TOP - BOTTOM
    base = HEIGHT - BOTTOM
    parts = [_open(counts, unit)]
    for i, count in enumerate(counts):
        tall = room * count / highest if highest else 0
        x = LEFT + i * step
        if count:
            parts.append(
                f'<rect class="bar" x="{x + 2:.1f}" y="{base - tall:.1f}" '
                f'width="{step - 4:.1f}" height="{tall:.1f}" rx="2"/>'
            )
            parts.append(_text(x + step / 2, base - tall - 6, count, "value"))
    parts.append(f'<path class="axis" d="M{LEFT} {base}.5H{WIDTH - RIGHT}"/>')
    last = len(edges) - 1
    for i, edge in enumerate(edges):
        anchor = "start" if i == 0 else "end" if i == last else "middle"
        parts.append(_text(LEFT + i * step, base + 17, f"{edge:g}", anchor=anchor))
    parts.append(_text(WIDTH / 2, HEIGHT - 5, unit))
    return Markup("".join(parts) + "</svg>")


def _open(counts: Sequence[int], unit: str) -> str:
    label = Markup.escape(f"Histogram of {unit}: {', '.join(map(str, counts))}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{label}">'


def _text(x: float, y: float, text: object, kind: str = "", anchor: str = "middle") -> str:
    shown = Markup.escape(str(text))
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>'
