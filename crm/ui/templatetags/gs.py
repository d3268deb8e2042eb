"""Tags and filters of the kit. They are template builtins: no `{% load %}` is needed.

{% icon "mail" size="lg" label="Mailing" %}   a Tabler icon from the sprite; without a label it is decoration
{% when moment %}  {% when moment "moment" %}  relative, or "day", "clock", "moment"; the full time is its title
{{ n|num }} {{ 6.7|percent }} {{ part|share:whole }} {{ seconds|duration }} {{ octets|filesize }} {{ name|initials }}
"""

from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from crm.ui import cells, charts, formats, toasts

register = template.Library()

# widgets that are typed into wear one class, those that are ticked another; a class set in Python is kept
TICKED = {"checkbox", "radio"}
BARE = {"hidden", "submit"}


@register.simple_tag
def icon(name: str, size: str = "", label: str = "", css: str = "") -> SafeString:
    """One icon. Colour and size follow the text; `size` is sm, lg or xl."""
    return _icon(name, size, str(label), css) if label else _plain_icon(name, size, css)


@lru_cache(maxsize=2048)
def _plain_icon(name: str, size: str, css: str) -> SafeString:
    """Decoration is the same wherever it stands: a page has eighty of them."""
    return _icon(name, size, "", css)


def _icon(name: str, size: str, label: str, css: str) -> SafeString:
    classes = " ".join(filter(None, ["gs-icon", size and f"gs-icon-{size}", css]))
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')  # noqa: S308 constant
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"/></svg>', classes, meaning, static("icons.svg"), name or "circle-dashed"
    )


register.simple_tag(cells.when, name="when")
register.simple_tag(cells.bar_width, name="bar_width")
register.filter("breakable", cells.breakable)
register.filter("cell_text", cells.text)


@register.filter
def num(value: Any, digits: int = 0) -> str:
    return formats.number(value, digits=digits) if _is_number(value) or value is None else str(value)


@register.filter
def percent(value: Any, digits: int = 1) -> str:
    return formats.percent(value, digits=digits) if _is_number(value) or value is None else str(value)


@register.filter
def share(part: int | None, whole: int | None) -> str:
    return formats.share(part, whole)


@register.filter
def duration(seconds: float | dt.timedelta | None) -> str:
    return formats.duration(seconds.total_seconds() if isinstance(seconds, dt.timedelta) else seconds)


@register.filter
def octets(value: int) -> str:
    return formats.size(value)


@register.filter
def day(value: dt.date | dt.datetime | None) -> str:
    return formats.day(value) if value else "–"


@register.filter
def initials(name: str) -> str:
    return formats.initials(name)


@register.filter
def listing(items: Any) -> str:
    return formats.listing(list(items or []))


@register.filter
def toast_of(message: Message) -> dict[str, str]:
    return toasts.describe(message)


@register.filter
def words(text: str) -> list[str]:
    """ "a b c" as a list, to loop over in a template."""
    return text.split()


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`{{ mapping|get:key }}`, for keys that templates cannot spell."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""


@register.simple_tag
def widget_attrs(widget: dict[str, Any]) -> SafeString:
    """The attributes of a form widget with the kit's class added."""
    attrs = dict(widget.get("attrs") or {})
    kind = widget.get("type", "textarea" if "textarea" in widget["template_name"] else "select")
    if kind not in BARE:
        own = "form-check-input" if kind in TICKED else "form-select" if kind == "select" else "form-control"
        if own not in str(attrs.get("class", "")).split():
            attrs["class"] = f"{own} {attrs.get('class', '')}".strip()
    shown = [(name, value) for name, value in attrs.items() if value is not False and value is not None]
    return format_html_join("", " {}", ((_attribute(name, value),) for name, value in shown))


def _attribute(name: str, value: Any) -> SafeString:
    return conditional_escape(name) if value is True else format_html('{}="{}"', name, value)


def _is_number(value: Any) -> bool:
    return hasattr(value, "__round__") and not isinstance(value, bool)


# --- what components ask of Python ------------------------------------------------------------------------------
@register.simple_tag
def bar_segments(parts: Any) -> dict[str, Any]:
    """Parts of a whole as segments of a bar 1,000 wide; small ones keep a width that can be seen and clicked."""
    parts = [part if isinstance(part, dict) else vars(part) for part in parts or []]
    total = sum(part["count"] for part in parts)
    shown = [part for part in parts if part["count"]]
    gap, least = 2, 5
    room = 1000 - gap * max(0, len(shown) - 1)
    widths = [max(least, room * part["count"] / total) for part in shown] if total else []
    scale = room / sum(widths) if widths else 1
    x, segments = 0.0, []
    for part, width in zip(shown, widths, strict=True):
        segments.append({**part, "x": f"{x:.1f}", "width": f"{width * scale:.1f}"})
        x += width * scale + gap
    text = ", ".join(f"{formats.number(part['count'])} {part['label']}" for part in shown)
    return {"parts": segments, "legend": parts, "total": total, "text": text}


@register.simple_tag
def chart_table(data: Any, id: str) -> dict[str, Any]:
    data = data.as_data() if hasattr(data, "as_data") else dict(data)
    return {**charts.as_table(data), "data": data}


@register.filter
def cells_of(row: Any, table: Any) -> Any:
    return table.cells(row)


@register.simple_tag
def table_rows(table: Any, picks: Any = False) -> SafeString:
    """The rows of a table whose cells are written in Python, with a box to tick each if there is something to do with them."""
    written: SafeString = table.written(picks=bool(picks))
    return written


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value)


@register.filter
def spark_points(values: Any) -> str:
    """Numbers as the points of a line in a box of 100 × 30."""
    values = [float(value) for value in values or []]
    if not values:
        return ""
    low, high = min(values), max(values)
    step = 100 / max(1, len(values) - 1)
    span = (high - low) or 1
    return " ".join(f"{i * step:.1f},{28 - 26 * (value - low) / span:.1f}" for i, value in enumerate(values))


@register.simple_tag
def job_pace(job: Any) -> Any:
    from crm.jobs.queries import pace_of  # ui is below jobs

    return pace_of(job)
