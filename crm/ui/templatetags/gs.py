"""Tags and filters of the kit. They are template builtins: no `{% load %}` is needed.

{% icon "mail" size="lg" label="Mailing" %}   a Tabler icon from the sprite; without a label it is decoration
{% when moment %}  {% when moment "moment" %}  relative, or "day", "clock", "moment"; the full time is its title
{{ n|num }} {{ 6.7|percent }} {{ part|share:whole }} {{ seconds|duration }} {{ octets|filesize }} {{ name|initials }}
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm.ui import charts, formats, toasts

register = template.Library()

# widgets that are typed into wear one class, those that are ticked another; a class set in Python is kept
TICKED = {"checkbox", "radio"}
BARE = {"hidden", "submit"}


@register.simple_tag
def icon(name: str, size: str = "", label: str = "", css: str = "") -> SafeString:
    """One icon. Colour and size follow the text; `size` is sm, lg or xl."""
    classes = " ".join(filter(None, ["gs-icon", size and f"gs-icon-{size}", css]))
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')  # noqa: S308 constant
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"/></svg>', classes, meaning, static("icons.svg"), name or "circle-dashed"
    )


@register.simple_tag
def when(value: dt.datetime | dt.date | None, form: str = "relative", never: str = "–") -> SafeString | str:
    """A moment or a day as a <time> element, in the reader's zone."""
    if not value:
        return never
    if not isinstance(value, dt.datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), formats.day(value))
    shapes: dict[str, Callable[[dt.datetime], str]] = {
        "relative": formats.relative,
        "day": formats.day,
        "clock": formats.clock,
        "moment": formats.moment,
    }
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), formats.full_moment(value), shapes[form](value)
    )


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
def breakable(address: str) -> SafeString:
    """An e-mail address that may break after its @ and before a dot, not in the middle of a word."""
    local, at, domain = conditional_escape(str(address)).partition("@")
    return mark_safe(f"{local}@<wbr>{domain.replace('.', '<wbr>.')}" if at else local)  # noqa: S308 escaped above


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
def bar_width(value: Any, of: Any) -> str:
    whole = float(of or 0)
    return f"{1000 * min(1.0, max(0.0, float(value or 0) / whole)):.1f}" if whole else "0"


@register.simple_tag
def chart_table(data: Any, id: str) -> dict[str, Any]:
    data = data.as_data() if hasattr(data, "as_data") else dict(data)
    return {**charts.as_table(data), "data": data, "script_id": f"{id}-data"}


@register.filter
def cells_of(row: Any, table: Any) -> Any:
    return table.cells(row)


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value)


@register.filter
def cell_text(value: Any) -> str:
    """A cell without a template of its own: moments, days, lists, yes and no, and nothing, as people read them."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dt.datetime):
        return formats.moment(value)
    if isinstance(value, dt.date):
        return formats.day(value)
    if isinstance(value, int):
        return formats.number(value)
    return formats.listing([str(item) for item in value]) if isinstance(value, list | tuple) else str(value)


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
