"""What stands beside an entry: the last two-way contact, who else is in touch, positions, and what holds us back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment
from campaigns.guard.queries import conflicts_of
from campaigns.interactions.models import Party
from campaigns.interactions.presenting import first_words
from campaigns.positions.ladder import word_of
from campaigns.positions.models import Position
from campaigns.queue.registry import Line
from contacts.directory.models import Organization
from contacts.directory.queries import among
from crm.accounts.models import User
from crm.ui import formats

RECENT = timedelta(days=90)
POSITIONS_SHOWN = 3
COMMITMENTS_SHOWN = 2


def last_contacts(keys: Sequence[int], user: User) -> dict[int, list[Line]]:
    rows = Party.objects.two_way().filter(among("organization_id", keys)).select_related("interaction__logged_by")
    rows = rows.order_by("organization_id", "-at", "-pk").distinct("organization_id")
    found: dict[int, list[Line]] = {
        key: [Line(_("Last two-way"), _("never, as far as we know"), order=10)] for key in keys
    }
    for party in rows:
        row = party.interaction
        by = f" · {row.logged_by.name}" if row.logged_by else ""
        words = f"{formats.relative(party.at)}, {row.get_kind_display()}{by}"
        found[party.organization_id or 0] = [
            Line(_("Last two-way"), words, reverse("interaction_detail", args=[row.uid]), order=10)
        ]
    return found


def who_else(keys: Sequence[int], user: User) -> dict[int, list[Line]]:
    since = timezone.now() - RECENT
    rows = Party.objects.took_part().filter(
        among("organization_id", keys), at__gte=since, interaction__logged_by__isnull=False
    )
    rows = rows.exclude(interaction__logged_by=user).order_by("organization_id", "interaction__logged_by__name")
    names: dict[int, list[str]] = {}
    for key, name in rows.values_list("organization_id", "interaction__logged_by__name").distinct():
        names.setdefault(key or 0, []).append(name)
    return {key: [Line(_("Also in touch"), formats.listing(found[:4]), order=20)] for key, found in names.items()}


def positions(keys: Sequence[int], user: User) -> dict[int, list[Line]]:
    rows = Position.objects.visible_to(user).known().filter(among("organization_id", keys)).select_related("ask")
    found: dict[int, list[Line]] = {}
    for row in rows.order_by("organization_id", "-on", "-pk"):
        lines = found.setdefault(row.organization_id, [])
        if len(lines) < POSITIONS_SHOWN and row.stance is not None:
            words = _("%(position)s on: %(ask)s") % {
                "position": word_of(row.stance),
                "ask": first_words(row.ask.label, most=60),
            }
            lines.append(Line(_("Position"), words, order=30))
    return found


def commitments(keys: Sequence[int], user: User) -> dict[int, list[Line]]:
    """What they promised and is still open, the next due first."""
    rows = (
        Commitment.objects.visible_to(user)
        .open()
        .filter(among("organization_id", keys))
        .order_by("organization_id", "due_on", "pk")
    )
    found: dict[int, list[Line]] = {}
    for row in rows:
        lines = found.setdefault(row.organization_id, [])
        if len(lines) < COMMITMENTS_SHOWN:
            words = f"{first_words(row.text, most=80)} · {formats.day(row.due_on)}"
            lines.append(Line(_("Promised"), words, reverse("commitment_detail", args=[row.uid]), order=40))
    return found


def guards(keys: Sequence[int], user: User) -> dict[int, list[Line]]:
    found = conflicts_of(keys, now=timezone.now(), user=user)
    return {
        key: [
            Line(_("Mind") if each.is_hard else _("Owner"), each.words, kind="warn" if each.is_hard else "", order=5)
            for each in rows
        ]
        for key, rows in found.items()
    }


def places(keys: Sequence[int], user: User) -> dict[int, Organization]:
    rows = Organization.objects.visible_to(user).filter(among("id", keys)).select_related("constituency", "country")
    return {row.pk: row for row in rows}
