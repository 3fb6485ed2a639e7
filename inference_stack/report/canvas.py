"""What a picture is drawn with: colours and letters for day and night, and text that fits.

Colours differ for those who see few of them, too; letters on a coloured part are dark, by day and by night.
"""

from typing import Any

import drawsvg  # pyright: ignore[reportMissingTypeStubs]

from .filling import Part

draw: Any = drawsvg
# It has no types of its own.

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

LOOKS = {
    Part.WEIGHTS: "weights",
    Part.DRAFT: "draft",
    Part.ADAPTERS: "adapters",
    Part.WORK: "work",
    Part.KV: "kv",
}
"""CSS class of each part."""

_COLOURS = {
    "weights": "#74aee0",
    "draft": "#b9d7ef",
    "adapters": "#f0b44c",
    "work": "#d7a3c4",
    "kv": "#8fd0a8",
}
# After the palette of Okabe and Ito, lighter.

_DARK = "#10202e"
_DAY = {"page": "#ffffff", "ink": "#1b2430", "faint": "#5d6875", "line": "#c3cbd4", "edge": "#3d4855",
        "free": "#e9edf1", "hatch": "#9aa5b1"}  # fmt: skip
_NIGHT = {"page": "#0d1117", "ink": "#e6edf3", "faint": "#9aa7b4", "line": "#3a444f", "edge": "#aab4bf",
          "free": "#252d37", "hatch": "#66727f"}  # fmt: skip

_EM, _EM_BOLD = 0.6, 0.72
"""Mean width of a letter over its size, of the widest of the fonts, so that text fits in all of them."""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width that a text may take, pixels."""
    return len(text) * size * (_EM_BOLD if bold else _EM)


def fitting(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """As much of a text as fits into a width; nothing where not even three letters do."""
    room = int(width / width_of("x", size, bold=bold))
    if len(text) <= room:
        return text
    return text[: room - 1].rstrip() + "…" if room >= 3 else ""


class Canvas:
    """Collects shapes. Positions are in pixels from the upper left corner; looks are CSS classes."""

    def __init__(self, width: float) -> None:
        """An empty canvas, as high as what will be drawn on it."""
        self.width = width
        self._shapes = draw.Group()
        self._hatch = draw.Pattern(7, 7, patternTransform="rotate(45)")
        self._hatch.append(draw.Line(0, 0, 0, 7, class_="hatch", stroke_width=1.4))

    def text(self, told: str, x: float, y: float, *, size: float = 12, look: str = "ink", bold: bool = False,
             width: float | None = None, middle: bool = False) -> None:  # fmt: skip
        """A line of text on the base line `y`, cut to `width`."""
        told = fitting(told, size, self.width - x if width is None else width, bold=bold)
        if told:
            more = {"text_anchor": "middle"} if middle else {}
            look = f"{look} bold" if bold else look
            self._shapes.append(draw.Text(told, size, round(x, 1), round(y, 1), class_=look, **more))

    def box(
        self, x: float, y: float, width: float, height: float, look: str, tip: str = "", **more: Any
    ) -> None:
        """A rectangle; `tip` is what the pointer is told there."""
        box = draw.Rectangle(*(round(each, 2) for each in (x, y, width, height)), class_=look, **more)
        if tip:
            box.append_title(tip)
        self._shapes.append(box)

    def hatched(self, x: float, y: float, width: float, height: float, tip: str = "") -> None:
        """A rectangle that nobody fills."""
        self.box(x, y, width, height, "empty", tip, fill=self._hatch)

    def line(self, *points: float, look: str = "edge", stroke_width: float = 1.2, **more: Any) -> None:
        """A line through points x, y, x, y …"""
        rounded = [round(point, 2) for point in points]
        self._shapes.append(draw.Lines(*rounded, class_=look, stroke_width=stroke_width, **more))

    def as_svg(self, height: float, title: str) -> str:
        """All of it as the text of an SVG file."""
        drawing = draw.Drawing(self.width, round(height), id_prefix="plan")
        drawing.append_css(_style())
        drawing.append_title(title)
        drawing.append(draw.Rectangle(0, 0, self.width, round(height), class_="page"))
        drawing.append(self._shapes)
        return drawing.as_svg() or ""


def _style() -> str:
    parts = " ".join(f".{look}{{fill:{colour}}}" for look, colour in _COLOURS.items())
    return (
        f"text{{font-family:{FONT}}} .bold{{font-weight:600}} .on{{fill:{_DARK}}} .dark{{stroke:{_DARK}}}"
        f" {parts} {_tones(_DAY)}"
        f" @media (prefers-color-scheme: dark){{{_tones(_NIGHT)}}}"
    )


def _tones(tone: dict[str, str]) -> str:
    filled = " ".join(f".{look}{{fill:{tone[look]}}}" for look in ("page", "ink", "faint", "free"))
    return (
        f"{filled} .frame{{fill:none;stroke:{tone['line']}}} .edge{{fill:none;stroke:{tone['edge']}}}"
        f" .hatch{{stroke:{tone['hatch']}}}"
    )
