"""Joining and leaving a network, on the page of a person and of an institution."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.networks.models import Member, Network, Representative
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject, TimelineSource, register
from crm.accounts.models import User


def _members(subject: Subject) -> QuerySet[Member]:
    of = Q(person=subject) | Q(contact=subject) if isinstance(subject, Person) else Q(organization=subject)
    return Member.objects.filter(of)


def _representatives(subject: Subject) -> QuerySet[Representative]:
    of = Q(person=subject) if isinstance(subject, Person) else Q(member__organization=subject)
    return Representative.objects.filter(of)


def memberships(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    rows = _members(subject).filter(network__in=Network.objects.visible_to(user)).select_related("network")
    entries = []
    for row in rows.order_by("-joined_at")[:limit]:
        url = reverse("network_detail", args=[row.network.uid])
        for at, title, icon, kind in (
            (row.joined_at, _("Joined %(network)s"), "affiliate", "ok"),
            (row.renewed_at, _("Stays in %(network)s for another year"), "affiliate", "ok"),
            (
                row.left_at,
                _("Lapsed from %(network)s") if row.has_lapsed else _("Left %(network)s"),
                "door-exit",
                "rest",
            ),
        ):
            if at and (before is None or at < before):
                entries.append(Entry(at, title % {"network": row.network.label}, icon, kind, url=url))
    yield from sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def represented(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """Who acts for an institution, on its page and on theirs."""
    rows = _representatives(subject).filter(member__network__in=Network.objects.visible_to(user))
    rows = rows.select_related("member__network", "member__organization", "person").exclude(state="declined")
    entries = []
    for row in rows.order_by("-created_at")[:limit]:
        words = {"who": row.label, "institution": row.member.label, "network": row.member.network.label}
        url = reverse("member_detail", args=[row.member.uid])
        for at, title, icon in (
            (row.created_at, _("%(who)s was named to represent %(institution)s in %(network)s"), "user-plus"),
            (row.ended_at, _("%(who)s no longer represents %(institution)s in %(network)s"), "user-minus"),
        ):
            if at and (before is None or at < before):
                entries.append(Entry(at, title % words, icon, "rest", url=url))
    yield from sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def register_sources() -> None:
    register(
        TimelineSource(
            "network", gettext_lazy("Networks"), "affiliate", memberships, order=35, about=lambda s: [_members(s)]
        )
    )
    register(
        TimelineSource(
            "represents",
            gettext_lazy("Representatives"),
            "users-group",
            represented,
            order=36,
            about=lambda s: [_representatives(s)],
        )
    )
