"""Draw the first table of docs/speed.md: how long a film takes, beside other networks on the same machine.

    python benchmarks/speed_picture.py docs/speed.md docs/speed_users.svg

The figures are those of the page and no others: `tests/test_benchmarks.py` draws it again and compares.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_OURS, _OTHERS = "What users wait for", "In the same run"
_ROW, _LABEL, _LONGEST, _WIDTH = 28, 410, 290, 780  # pixels
_BLUE, _GREY = "#1f6fb2", "#9aa3ad"


@dataclass(frozen=True)
class Bar:
    """One row of the picture: who did what, its median time, and whether it is ours."""

    label: str
    p50_ms: float
    is_ours: bool


def bars_of(page: str) -> list[Bar]:
    """Both tools through each door, then everything that was timed in the same run."""
    figures = page.partition("<!-- user figures -->")[2].partition("<!-- end of user figures -->")[0]
    ours = [row for row in _rows(figures, _OURS) if row[1] == "both"]
    others = _rows(figures, _OTHERS)
    if not ours or not others:
        raise SystemExit(f"The page has no tables {_OURS!r} and {_OTHERS!r}. Run `make bench-users` first.")
    return [
        *(Bar(f"pedaxr, {who}", float(p50), True) for who, _, _, p50, *_ in ours),
        *(Bar(f"{who}: {what}", float(p50), False) for who, what, _, p50, *_ in others),
    ]


def _rows(figures: str, title: str) -> list[list[str]]:
    """Cells of the table below a bold title that begins so."""
    found = re.search(rf"\*\*{re.escape(title)}[^\n]*\*\*\n\n((?:\|[^\n]*\n)+)", figures)
    lines = found[1].splitlines()[2:] if found else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def picture(bars: Sequence[Bar]) -> str:
    """SVG on white, which is read on a dark page too."""
    longest = max(bar.p50_ms for bar in bars)
    height = _ROW * (len(bars) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" font-family="system-ui, sans-serif" font-size="14">',
        "<title>Median time for one film, both tools, on two threads unless it says otherwise</title>",
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#fff"/>',
        f'<text x="16" y="{_ROW}" font-weight="600" fill="#15191e">Median time for one film</text>',
    ]
    for number, bar in enumerate(bars, 2):
        parts += _drawn(bar, _ROW * number - _ROW // 2, longest)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(bar: Bar, top: int, longest: float) -> list[str]:
    width, middle = max(2, round(_LONGEST * bar.p50_ms / longest)), top + 17
    weight = 600 if bar.is_ours else 400
    return [
        f'<text x="{_LABEL - 10}" y="{middle}" text-anchor="end" fill="#15191e" font-weight="{weight}">'
        f"{escape(bar.label)}</text>",
        f'<rect x="{_LABEL}" y="{top + 4}" width="{width}" height="{_ROW - 10}" rx="3" '
        f'fill="{_BLUE if bar.is_ours else _GREY}"/>',
        f'<text x="{_LABEL + width + 8}" y="{middle}" fill="#56606b">{_time(bar.p50_ms)}</text>',
    ]


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="docs/speed.md, as `make bench-users` leaves it")
    parser.add_argument("out", type=Path, help="receives the picture (SVG)")
    given = parser.parse_args()
    given.out.write_text(picture(bars_of(given.page.read_text(encoding="utf-8"))), encoding="utf-8")
