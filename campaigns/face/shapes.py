"""The countries of the world as a drawing that needs no script: paths made when the front end is built (Natural Earth, 1:110 million,
Equal Earth projection), here by ISO code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts.directory.coverage import Figure
from contacts.directory.geography import numeric_codes
from crm.ui import formats

STEPS = (20, 40, 60, 80)  # per cent: five shades, the darkest for the fewest covered


WIDTH, HEIGHT = 1000, 430
CLOSEST, MARGIN = 320, 24  # no map is narrower: without neighbours nobody knows where it is


@dataclass(frozen=True)
class Shape:
    """The path of a country, and the box around it: left, top, right, bottom."""

    path: str
    box: tuple[int, int, int, int]


@cache
def world() -> Mapping[str, Shape]:
    """Code → shape, of 175 countries: small islands have none at this scale."""
    found = finders.find("world.json")
    if not found:
        raise FileNotFoundError("static/world.json is not there: build the front end (make assets)")
    data = json.loads(Path(str(found)).read_text())
    codes = {numeric: code for code, numeric in numeric_codes().items()}
    return {codes[n]: Shape(row["path"], tuple(row["box"])) for n, row in data.items() if n in codes}


def view_box(codes: Iterable[str] | None) -> str:
    """The part of the drawing around these countries in its own proportions, or all of it for None."""
    boxes = [] if codes is None else [world()[code].box for code in codes if code in world()]
    if not boxes:
        return f"0 0 {WIDTH} {HEIGHT}"
    left, top = min(box[0] for box in boxes) - MARGIN, min(box[1] for box in boxes) - MARGIN
    right, bottom = max(box[2] for box in boxes) + MARGIN, max(box[3] for box in boxes) + MARGIN
    width = min(WIDTH, max(right - left, (bottom - top) * WIDTH // HEIGHT, CLOSEST))
    height = width * HEIGHT // WIDTH
    x = min(max((left + right - width) // 2, 0), WIDTH - width)
    y = min(max((top + bottom - height) // 2, 0), HEIGHT - height)
    return f"{x} {y} {width} {height}"


def shade(value: Decimal | None) -> int:
    """1 (most covered) to 5 (fewest), 0 where it is not known."""
    if value is None:
        return 0
    return 5 - sum(value >= step for step in STEPS)


def map_svg(
    figures: Mapping[str, Figure], *, names: Mapping[str, str], only: Iterable[str] | None, title: str
) -> SafeString:
    """The map as SVG. names: code → name, for the title of each shape; only: the countries that it is about, None for all."""
    about = None if only is None else set(only)
    shapes = []
    for code, shape in world().items():
        figure = figures.get(code)
        if about is not None and code not in about:
            shapes.append(("x", shape.path, ""))
            continue
        words = (
            f"{names.get(code, code)}: {formats.percent(figure.value)} ({figure.year})"
            if figure
            else names.get(code, code)
        )
        shapes.append(
            (str(shade(figure.value if figure else None)), shape.path, format_html("<title>{}</title>", words))
        )
    drawn = format_html_join("", '<path class="pub-m{}" d="{}">{}</path>', shapes)
    return format_html(
        '<svg class="pub-map" viewBox="{}" role="img" aria-label="{}">{}</svg>', view_box(about), title, drawn
    )
