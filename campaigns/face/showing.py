"""What a public page shows: only what staff or institutions said may be told. One query for each part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.commitments.models import Commitment
from campaigns.events.models import Event
from campaigns.events.telling import place_of, when_of
from campaigns.face.models import Part, PublicPage
from campaigns.face.shapes import map_svg, world
from campaigns.networks.models import Member, Network
from campaigns.networks.short_form import short_form
from contacts.directory import coverage
from contacts.directory.models import Country
from crm.ui import formats

MOST_EVENTS = 30
MOST = 200  # commitments on one page; more would be a database
AT_ONCE = 8  # of them, before a reader asks for the others
MOST_MEMBERS = 12
FEW = 20  # per cent: fewer than one in five


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


@dataclass(frozen=True)
class Number:
    count: int
    words: str
    section: str  # the id of its heading


def parts_of(page: PublicPage, language: str) -> dict[str, Any]:
    """part → what its section needs; a part with nothing to show is not in it."""
    makers = {
        Part.FACTS: lambda: _facts(page, language),
        Part.MAP: lambda: _map(page),
        Part.COMMITMENTS: lambda: _commitments(page),
        Part.EVENTS: lambda: _events(page),
        Part.NETWORKS: lambda: _networks(page, language),
        Part.DRIVES: lambda: _drives(page, language) if page.drive is None else [],
    }
    found = {part.value: make() for part, make in makers.items() if part.value in page.parts}
    return {part: shown for part, shown in found.items() if shown}


def _facts(page: PublicPage, language: str) -> dict[str, Any] | None:
    """The facts, and the source that all of them have, which is then told once."""
    rows, found = page.facts_in(language)
    sources = {fact.get("source") or "" for fact in rows}
    return {"rows": rows, "language": found, "source": sources.pop() if len(sources) == 1 else ""} if rows else None


def _commitments(page: PublicPage) -> dict[str, Any] | None:
    """The latest ones, and those that a reader opens."""
    rows = [promise(row) for row in commitments_of(page)[:MOST]]
    return {"first": rows[:AT_ONCE], "more": rows[AT_ONCE:], "count": len(rows)} if rows else None


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
        "undrawn": sorted(names[code] for code in of_drive if code not in world()) if of_drive is not None else [],
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


def _networks(page: PublicPage, language: str) -> dict[str, Any] | None:
    """The networks that can be joined, the short form of the first, and institutions that agreed to be listed, the newest first."""
    networks = list(
        Network.objects.to_join()
        .filter(campaign=page.campaign)
        .order_by("sort_key", "pk")
        .select_related("form")
        .prefetch_related("countries")
    )
    if not networks:
        return None
    present = Member.objects.present().filter(network__in=networks)
    members = dict(present.values_list("network").annotate(Count("pk")).order_by())
    listed = Member.objects.listed().filter(network__in=[row for row in networks if row.has_directory])
    institutions = listed.filter(organization__isnull=False).select_related("organization__country")
    rows = [
        {
            "label": row.label,
            "headline": row.text("headlines", language),
            "url": reverse("network_join", args=[row.slug]),
            "directory": reverse("network_directory", args=[row.slug]) if row.has_directory else "",
            "members": members.get(row.pk, 0),
        }
        for row in networks
    ]
    return {
        "rows": rows,
        "members": sum(members.values()),
        "listed": list(institutions.order_by("-joined_at", "-pk")[:MOST_MEMBERS]),
        "form": short_form(networks[0], language),
        "join": rows[0]["url"],
    }


def _drives(page: PublicPage, language: str) -> list[dict[str, Any]]:
    """The open pages of its drives, by the headline in the reader's language."""
    rows = PublicPage.objects.open().filter(campaign=page.campaign, drive__isnull=False)
    return [
        {"slug": row.slug, "headline": headline, "language": found, "drive": row.drive}
        for row in rows.select_related("drive").order_by("drive__starts_on", "pk")
        for headline, found in [row.text("headlines", language)]
    ]


def numbers_of(parts: dict[str, Any]) -> list[Number]:
    """The page in up to three numbers, each the way to its section."""
    found = []
    if shown := parts.get("map"):
        n = sum(row["value"] < FEW for row in shown["rows"])
        words = ngettext(
            "country where fewer than one in five people are covered",
            "countries where fewer than one in five people are covered",
            n,
        )
        found.append(Number(n, words, "map"))
    if shown := parts.get("commitments"):
        words = ngettext(
            "commitment that an institution made public", "commitments that institutions made public", shown["count"]
        )
        found.append(Number(shown["count"], words, "commitments"))
    if (shown := parts.get("networks")) and shown["members"]:
        words = ngettext("member works for this with others", "members work for this together", shown["members"])
        found.append(Number(shown["members"], words, "networks"))
    return [number for number in found if number.count]
