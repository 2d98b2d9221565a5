"""Draw the app's icons and logos into package/static.

An opened package with a process tree growing out of it, one process of which is red. Everything
is drawn from shapes with the standard library alone, so the pictures can be changed in a review.

Usage: python3 tools/make_icons.py
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, NamedTuple

STATIC = Path(__file__).resolve().parent.parent / "package" / "static"
SAMPLES = 4  # a pixel is the mean of SAMPLES x SAMPLES points

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Inside = Callable[[float, float], bool]


class Shape(NamedTuple):
    """A one-color area within `box` (left, top, right, bottom), painted over earlier shapes."""

    color: str
    box: Box
    inside: Inside

    def moved(self, dx: float, dy: float) -> Shape:
        """Return the same shape elsewhere."""
        left, top, right, bottom = self.box
        box = (left + dx, top + dy, right + dx, bottom + dy)
        return Shape(self.color, box, lambda x, y: self.inside(x - dx, y - dy))


def rounded_box(color: str, box: Box, radius: float) -> Shape:
    """Return a rectangle with rounded corners."""
    left, top, right, bottom = box

    def inside(x: float, y: float) -> bool:
        dx = max(left + radius - x, 0, x - right + radius)
        dy = max(top + radius - y, 0, y - bottom + radius)
        return math.hypot(dx, dy) <= radius

    return Shape(color, box, inside)


def disk(color: str, center: Point, radius: float) -> Shape:
    """Return a filled circle."""
    return Shape(
        color,
        _box_around([center], radius),
        lambda x, y: math.hypot(x - center[0], y - center[1]) <= radius,
    )


def polygon(color: str, *corners: Point) -> Shape:
    """Return a polygon, filled by the even-odd rule."""
    edges = list(zip(corners, corners[1:] + corners[:1]))

    def inside(x: float, y: float) -> bool:
        crossings = 0
        for (x1, y1), (x2, y2) in edges:
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                crossings += 1
        return crossings % 2 == 1

    return Shape(color, _box_around(corners), inside)


def stroke(color: str, width: float, *points: Point) -> Shape:
    """Return a line with round ends and joints."""
    segments = list(zip(points, points[1:]))

    def inside(x: float, y: float) -> bool:
        return any(_distance(x, y, start, end) <= width / 2 for start, end in segments)

    return Shape(color, _box_around(points, width / 2), inside)


def _box_around(points: Sequence[Point], margin: float = 0) -> Box:
    xs, ys = zip(*points)
    return (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)


def _distance(x: float, y: float, start: Point, end: Point) -> float:
    (x1, y1), (x2, y2) = start, end
    dx, dy = x2 - x1, y2 - y1
    along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    return math.hypot(x - x1 - along * dx, y - y1 - along * dy)


NAVY, WHITE, RED, TEAL = "#2B3A55", "#FFFFFF", "#F0524F", "#5CC8BE"
AMBER, AMBER_LIGHT, AMBER_DARK = "#F5A83B", "#FFD08A", "#C97E1B"


def package_with_tree() -> list[Shape]:
    """Return the mark itself, on a canvas of 36 by 36."""
    root, left, right = (18.0, 13.5), (9.5, 6.5), (26.5, 6.5)
    return [
        polygon(AMBER_DARK, (7, 20), (29, 20), (26, 23), (10, 23)),
        stroke(WHITE, 1.8, root, (18, 23)),
        stroke(WHITE, 1.8, left, root, right),
        rounded_box(AMBER, (7, 20.5, 29, 32.5), 1.4),
        polygon(AMBER_LIGHT, (7, 20.2), (17, 23.6), (14.6, 26.2), (3.6, 22.6)),
        polygon(AMBER_LIGHT, (29, 20.2), (19, 23.6), (21.4, 26.2), (32.4, 22.6)),
        disk(WHITE, root, 2.9),
        disk(TEAL, left, 3.3),
        disk(RED, right, 3.9),
    ]


def tile() -> list[Shape]:
    """Return the ground that keeps the icon readable on light and dark pages."""
    return [rounded_box(NAVY, (0, 0, 36, 36), 7)]


# Letters as strokes on a grid 4 wide and 6 high.
GLYPHS: dict[str, Sequence[Sequence[Point]]] = {
    "A": [[(0, 6), (2, 0), (4, 6)], [(0.8, 4), (3.2, 4)]],
    "B": [
        [(0, 6), (0, 0), (2.4, 0), (3.4, 0.7), (3.4, 2.2), (2.4, 3), (0, 3)],
        [(2.4, 3), (3.8, 3.8), (3.8, 5.2), (2.6, 6), (0, 6)],
    ],
    "C": [[(4, 1), (3, 0), (1.2, 0), (0, 1.4), (0, 4.6), (1.2, 6), (3, 6), (4, 5)]],
    "D": [[(0, 6), (0, 0), (2.4, 0), (4, 1.6), (4, 4.4), (2.4, 6), (0, 6)]],
    "E": [[(3.6, 0), (0, 0), (0, 6), (3.6, 6)], [(0, 3), (3, 3)]],
    "I": [[(2, 0), (2, 6)]],
    "L": [[(0, 0), (0, 6), (3.6, 6)]],
    "N": [[(0, 6), (0, 0), (4, 6), (4, 0)]],
    "O": [
        [(1.3, 0), (2.7, 0), (4, 1.4), (4, 4.6), (2.7, 6), (1.3, 6), (0, 4.6), (0, 1.4), (1.3, 0)]
    ],
    "R": [
        [(0, 6), (0, 0), (2.6, 0), (3.8, 0.9), (3.8, 2.3), (2.6, 3.2), (0, 3.2)],
        [(2.2, 3.2), (4, 6)],
    ],
    "S": [
        [
            *((3.8, 0.9), (2.8, 0), (1.2, 0), (0.1, 0.9), (0.1, 2.1), (1.1, 2.9)),
            *((2.9, 3.1), (3.9, 3.9), (3.9, 5.1), (2.8, 6), (1.2, 6), (0.1, 5.1)),
        ]
    ],
    "T": [[(0, 0), (4, 0)], [(2, 0), (2, 6)]],
    "U": [[(0, 0), (0, 4.6), (1.3, 6), (2.7, 6), (4, 4.6), (4, 0)]],
}
NARROW = {"I"}  # takes half the grid's width


def text(words: str, left: float, top: float, height: float) -> list[Shape]:
    """Return a line of capital letters."""
    unit = height / 6
    shapes = []
    for letter in words:
        if letter in NARROW:
            left -= 1.6 * unit
        for line in GLYPHS.get(letter, ()):
            points = [(left + x * unit, top + y * unit) for x, y in line]
            shapes.append(stroke(WHITE, unit * 0.95, *points))
        left += unit * (4.6 if letter in NARROW | {" "} else 5.7)
    return shapes


def logo() -> list[Shape]:
    """Return the mark and the app's name, on a canvas of 160 by 40."""
    mark = [shape.moved(1, 2) for shape in package_with_tree()]
    return mark + text("INSTALLER ABUSE", 43.5, 8.5, 8.2) + text("DETECTION", 43.5, 23.3, 8.2)


def render(shapes: Sequence[Shape], width: int, height: int, scale: int) -> bytes:
    """Return a PNG (RGBA) of shapes on a canvas of width x height units, `scale` pixels each."""
    rows = []
    for py in range(height * scale):
        row = bytearray([0])  # filter type: none
        for px in range(width * scale):
            row += bytes(_pixel(shapes, px / scale, py / scale, 1 / scale))
        rows.append(bytes(row))
    return _png(width * scale, height * scale, b"".join(rows))


def _pixel(shapes: Sequence[Shape], x: float, y: float, side: float) -> tuple[int, ...]:
    """Return the mean color of a square of the canvas, and how much of it is covered."""
    near = [s for s in reversed(shapes) if _overlaps(s.box, (x, y, x + side, y + side))]
    steps = [(i + 0.5) / SAMPLES * side for i in range(SAMPLES)]
    tops = (_color_at(near, x + dx, y + dy) for dy in steps for dx in steps)
    colors = [color for color in tops if color is not None]
    if not colors:
        return (0, 0, 0, 0)
    red_green_blue = (
        round(sum(int(color[i : i + 2], 16) for color in colors) / len(colors)) for i in (1, 3, 5)
    )
    return (*red_green_blue, round(255 * len(colors) / SAMPLES**2))


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _color_at(top_first: Sequence[Shape], x: float, y: float) -> str | None:
    return next((shape.color for shape in top_first if shape.inside(x, y)), None)


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def main() -> None:
    """Write all pictures."""
    STATIC.mkdir(parents=True, exist_ok=True)
    mark = package_with_tree()
    for suffix, scale in (("", 1), ("_2x", 2)):
        for name, shapes, width, height in (
            ("appIcon", tile() + mark, 36, 36),
            ("appIconAlt", mark, 36, 36),
            ("appLogo", logo(), 160, 40),
        ):
            (STATIC / f"{name}{suffix}.png").write_bytes(render(shapes, width, height, scale))


if __name__ == "__main__":
    main()
