"""What <c-chart> draws, and the same figures as a table."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from crm.ui import formats


@dataclass
class Series:
    """One row of bars or one line. color: the name of a theme colour (blue, cso, ok, gov …)."""

    name: str
    values: list[float | None]
    color: str = "blue"


@dataclass
class Chart:
    """kind: bar, line, map, steps or matrix. urls: for each label, the rows behind it.

    points: of a map {country, label, value, url}; of steps {at (day), value, label, url}, with `scale` naming the values from 1 on and
    `until` the day to which the last goes on; of a matrix {label, x, y, color, note, url}, with `x_scale` and `scale` naming both axes.
    blank: of a map {country, label, words, url}, countries that it is about and that have no value; blank_label, outside_label: what its legend
    calls those, and all that it is not about.
    colors: of a map, from its lowest value to its highest. can_save: whether it is offered as SVG and PNG.
    """

    kind: str
    labels: list[str] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    unit: str = ""
    name: str = ""
    horizontal: bool = False
    stacked: bool = True
    points: list[dict[str, Any]] = field(default_factory=list)
    scale: list[str] = field(default_factory=list)
    x_scale: list[str] = field(default_factory=list)
    x_name: str = ""
    y_name: str = ""
    until: str = ""
    colors: list[str] = field(default_factory=list)
    can_save: bool = False
    blank: list[dict[str, Any]] = field(default_factory=list)
    blank_label: str = ""
    outside_label: str = ""

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def as_table(data: dict[str, Any]) -> dict[str, Any]:
    """Head and rows of a chart's figures."""
    unit = data.get("unit", "")
    if data.get("kind") == "map":
        rows = [
            {"cells": [p["label"], p.get("words") or _shown(p["value"], unit)], "url": p.get("url", "")}
            for p in [*data.get("points", []), *data.get("blank", [])]
        ]
        return {"head": [_("Country"), data.get("name", "")], "rows": rows}
    if data.get("kind") == "steps":
        rows = [
            {"cells": [formats.day(dt.date.fromisoformat(p["at"])), p["label"]], "url": p.get("url", "")}
            for p in data["points"]
        ]
        return {"head": [_("Day"), data.get("name", "")], "rows": rows}
    if data.get("kind") == "matrix":
        rows = [
            {"cells": [p["label"], data["x_scale"][p["x"] - 1], data["scale"][p["y"] - 1]], "url": p.get("url", "")}
            for p in data["points"]
        ]
        return {"head": [_("Institution"), data["x_name"], data["y_name"]], "rows": rows}
    urls = data.get("urls") or []
    rows = [
        {"cells": [label, *(_shown(s["values"][i], unit) for s in data["series"])], "url": urls[i] if urls else ""}
        for i, label in enumerate(data.get("labels", []))
    ]
    return {"head": ["", *(s["name"] for s in data.get("series", []))], "rows": rows}


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    whole = float(value).is_integer()
    return formats.number(value, digits=0 if whole else 1) + unit
