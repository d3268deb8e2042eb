"""Cells of lists, written in Python: a list of fifty rows has three hundred of them, and a template asks a dozen questions for each.

    Column("country", _("Country"), value="country.label", html=lambda row: link(url_of("country_detail", …), row.country.label))

Each piece is the HTML of a component of the kit (badge, avatar, time), escaped; `str` that is not marked safe is escaped by who writes it.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crm.ui import formats

_SHAPES: dict[str, Callable[[dt.datetime], str]] = {
    "relative": formats.relative,
    "day": formats.day,
    "clock": formats.clock,
    "moment": formats.moment,
}


def format_html(shape: str, *parts: Any) -> SafeString:
    """Django's, without asking of each part whether it is a text to be translated later: a list has two thousand of them."""
    return SafeString(shape.format(*[p.__html__() if hasattr(p, "__html__") else html.escape(str(p)) for p in parts]))


def opening(css: str, label: str) -> SafeString:
    """The beginning of a cell; `label` names it on phones, where rows are cards."""
    css_part = format_html(' class="{}"', css) if css else ""
    return format_html("<td{}{}>", css_part, format_html(' data-label="{}"', label) if label else "")


def text(value: Any) -> str:
    """A cell without a shape of its own: moments, days, lists, yes and no, and nothing, as people read them."""
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


def dim(words: str = "–") -> SafeString:
    return format_html('<span class="gs-dim">{}</span>', words)


def why(words: str) -> SafeString:
    """Small grey words under the name of a row, if there are any."""
    return format_html('<div class="gs-why">{}</div>', words) if words else SafeString("")


def link(url: str, words: str, css: str = "gs-quiet-link") -> SafeString:
    return format_html('<a class="{}" href="{}">{}</a>', css, url, words)


def badge(kind: str, words: str) -> SafeString:
    """A coloured dot and its word."""
    return format_html('<span class="gs-tag c-{0} gs-tag-{0}">{1}</span>', kind, words)


def who(name: str, url: str, *, below: str = "", square: bool = False) -> SafeString:
    """Initials, the name as a link, and small words below it; square for institutions."""
    return format_html(
        '<div class="gs-who"><span class="gs-avatar gs-avatar-sm{}" aria-hidden="true">{}</span><div>{}{}</div></div>',
        " gs-avatar-sq" if square else "",
        formats.initials(name),
        link(url, name, "gs-strong"),
        why(below),
    )


def bar(label: str, value: float, of: float, *, kind: str, shown: str) -> SafeString:
    """One measured share, with its word and number."""
    return format_html(
        '<div class="d-flex justify-content-between gs-why"><span>{}</span><span class="num">{}</span></div>'
        '<svg class="gs-bar gs-bar-sm" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="c-{}" width="{}" height="10"/></svg>',
        label,
        shown,
        kind,
        bar_width(value, of),
    )


def bar_width(value: Any, of: Any) -> str:
    whole = float(of or 0)
    return f"{1000 * min(1.0, max(0.0, float(value or 0) / whole)):.1f}" if whole else "0"


def counted(number: int, url: str) -> SafeString:
    """A number that links to its rows; none is none."""
    return link(url, formats.number(number)) if number else dim("0")


def when(value: dt.datetime | dt.date | None, form: str = "relative", never: str = "–") -> SafeString | str:
    """A moment or a day as a <time> element, in the reader's zone."""
    if not value:
        return never
    if not isinstance(value, dt.datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), formats.day(value))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), formats.full_moment(value), _SHAPES[form](value)
    )


def breakable(address: str) -> SafeString:
    """An e-mail address (or a domain) that may break after its @ and before a dot, not in the middle of a word."""
    local, at, domain = conditional_escape(str(address)).rpartition("@")
    parts = domain.replace(".", "<wbr>.")
    return mark_safe(f"{local}@<wbr>{parts}" if at else parts)  # noqa: S308 escaped above
