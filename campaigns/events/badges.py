"""Badges as PDF, eight to a page, each with a code that a phone's camera reads."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import segno
from django.utils.translation import get_language

from campaigns.events.checking import door_url
from campaigns.events.models import Event, Registration
from campaigns.events.telling import place_of, when_of
from crm.paper import pdf

TEMPLATE = Path(__file__).with_name("badges.typ")
MOST = 2000  # 250 pages; a larger event prints in parts


def code_svg(text: str) -> str:
    """A QR code (ISO/IEC 18004) as SVG, with a level of repair for a creased badge."""
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(out, kind="svg", border=2, xmldecl=False, svgns=True, scale=4)
    return out.getvalue().decode()


def badges_pdf(event: Event, rows: Iterable[Registration]) -> bytes:
    """rows: with `event`, `organization` and `constituency`."""
    badges = [
        {
            "name": row.name,
            "of": row.of,
            "side": row.constituency.label if row.constituency else "",
            "code": code_svg(door_url(row)),
        }
        for row in rows
    ]
    language = (get_language() or "en").split("-")[0]
    about = {"title": event.label, "when": when_of(event), "where": place_of(event), "lang": language}
    return pdf(TEMPLATE, event=about, badges=badges)
