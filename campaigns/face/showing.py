"""What a public page shows: only what staff or institutions said may be told. One query for each part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment
from campaigns.events.models import Event
from campaigns.events.telling import place_of, when_of
from campaigns.face.models import Part, PublicPage
from campaigns.face.shapes import map_svg
from campaigns.networks.models import Member, Network
from contacts.directory import coverage
from contacts.directory.models import Country
from crm.ui import formats

MOST_EVENTS = 30
MOST = 200  # commitments on one page; more would be a database


@dataclass(frozen=True)
class Promise:
    """A commitment as everybody may read it."""

    uid: str
    text: str
    who: str
    where: str
    words: str
    kind: str  # a badge's


def commitments_of(page: PublicPage) -> QuerySet[Commitment]:
    """Those that institutions agreed to have told, latest first, without what was withdrawn."""
    rows = Commitment.objects.filter(is_public=True).exclude(state="withdrawn")
    rows = rows.filter(drive=page.drive) if page.drive else rows.filter(drive__campaign=page.campaign)
    return rows.select_related("organization__country").order_by("-made_on", "-pk")


def promise(row: Commitment) -> Promise:
    day = formats.day(row.due_on)
    words, kind = {
        "kept": (_("Kept, and verified") if row.verified_at else _("Kept, as they say"), "ok"),
        "broken": (_("Not kept"), "bad"),
    }.get(row.state, (_("By %(day)s") % {"day": day}, "blue"))
    country = row.organization.country
    return Promise(str(row.uid), row.text, row.organization.label, country.label if country else "", words, kind)


def parts_of(page: PublicPage) -> dict[str, Any]:
    """part → what its section needs; a part with nothing to show is not in it."""
    makers = {
        Part.FACTS: lambda: _facts(page),
        Part.MAP: lambda: _map(page),
        Part.COMMITMENTS: lambda: [promise(row) for row in commitments_of(page)[:MOST]],
        Part.EVENTS: lambda: _events(page),
        Part.NETWORKS: lambda: _networks(page),
        Part.DRIVES: lambda: _drives(page) if page.drive is None else [],
    }
    found = {part.value: make() for part, make in makers.items() if part.value in page.parts}
    return {part: shown for part, shown in found.items() if shown}


def _facts(page: PublicPage) -> dict[str, Any] | None:
    """The facts, and the source that all of them have, which is then told once."""
    rows = [fact for fact in page.campaign.facts if fact.get("text")]
    sources = {fact.get("source") or "" for fact in rows}
    return {"rows": rows, "source": sources.pop() if len(sources) == 1 else ""} if rows else None


def _map(page: PublicPage) -> dict[str, Any] | None:
    """The drawing, the same as rows with the least covered first, and where the figures come from."""
    of_drive = list(page.drive.countries.values_list("code", flat=True)) if page.drive else None
    countries = {country.code: country for country in Country.objects.defer("search_text")}
    figures = coverage.latest(of_drive if of_drive is not None else countries)
    if not figures:
        return None
    names = {code: country.label for code, country in countries.items()}
    rows = sorted(figures.values(), key=lambda figure: (figure.value, names[figure.country]))
    unknown = len(of_drive if of_drive is not None else countries) - len(rows)
    title = _("People with at least one social protection benefit, by country")
    return {
        "svg": map_svg(figures, names=names, only=of_drive, title=title),
        "rows": [{"name": names[f.country], "value": f.value, "year": f.year} for f in rows],
        "unknown": unknown,
        "indicator": coverage.indicator(),
    }


def _events(page: PublicPage) -> list[dict[str, Any]]:
    """Those to come, the next one first."""
    rows = Event.objects.open_to_all().ahead().select_related("country")
    rows = rows.filter(drive=page.drive) if page.drive else rows.filter(drive__campaign=page.campaign)
    return [
        {
            "label": row.label,
            "url": reverse("event_page", args=[row.slug]),
            "when": when_of(row),
            "where": place_of(row),
        }
        for row in rows.order_by("starts_at", "pk")[:MOST_EVENTS]
    ]


def _networks(page: PublicPage) -> list[dict[str, Any]]:
    rows = Network.objects.to_join().filter(campaign=page.campaign).order_by("sort_key", "pk")
    present = Member.objects.present().filter(network__in=rows)
    members = dict(present.values_list("network").annotate(Count("pk")).order_by())
    return [
        {"label": row.label, "url": reverse("network_join", args=[row.slug]), "members": members.get(row.pk, 0)}
        for row in rows
    ]


def _drives(page: PublicPage) -> list[PublicPage]:
    rows = PublicPage.objects.open().filter(campaign=page.campaign, drive__isnull=False)
    return list(rows.select_related("drive", "campaign").order_by("drive__starts_on", "pk"))
