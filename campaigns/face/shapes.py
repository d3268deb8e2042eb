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


@dataclass(frozen=True)
class World:
    """view_box of the drawing; code → path."""

    view_box: str
    paths: Mapping[str, str]


@cache
def world() -> World:
    found = finders.find("world.json")
    if not found:
        raise FileNotFoundError("static/world.json is not there: build the front end (make assets)")
    data = json.loads(Path(str(found)).read_text())
    codes = {numeric: code for code, numeric in numeric_codes().items()}
    return World(data["viewBox"], {codes[n]: path for n, path in data["paths"].items() if n in codes})


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
    for code, path in world().paths.items():
        figure = figures.get(code)
        if about is not None and code not in about:
            shapes.append(("x", path, ""))
            continue
        words = (
            f"{names.get(code, code)}: {formats.percent(figure.value)} ({figure.year})"
            if figure
            else names.get(code, code)
        )
        shapes.append((str(shade(figure.value if figure else None)), path, format_html("<title>{}</title>", words)))
    drawn = format_html_join("", '<path class="pub-m{}" d="{}">{}</path>', shapes)
    return format_html(
        '<svg class="pub-map" viewBox="{}" role="img" aria-label="{}">{}</svg>', world().view_box, title, drawn
    )
