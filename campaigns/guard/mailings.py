"""Whom the institutions' guards hold back from a mailing, and the finding about it in pre-flight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.findings import WARN, Finding
from campaigns.delivery.models import SkipReason
from campaigns.guard.models import ContactGuard, GuardOverride
from campaigns.guard.queries import Conflict, conflicts_of, guards_anything
from campaigns.mailings.models import Mailing
from contacts.directory.models import Organization
from crm.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 200


@dataclass(frozen=True)
class Held:
    """An institution that a mailing leaves out because of its guard; count: how many letters."""

    organization: Organization
    count: int
    conflicts: Sequence[Conflict]
    owner_id: int | None = None


def held_back(mailing: Mailing, *, user: User | None = None, most: int | None = SHOWN) -> list[Held]:
    """Institutions of the audience whose own guard speaks against it, the most letters first. Asks nothing while no guard is set.

    user: who asks, and sees those in their reach. most: how many are told, None for all.
    """
    from campaigns.delivery.audience import audience_sql  # it asks this package's queries

    if not guards_anything():
        return []
    sql, params = audience_sql(mailing)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT organization_id, count(*) FROM ({sql}) a WHERE reason = %s AND organization_id IS NOT NULL"  # noqa: S608
            " GROUP BY organization_id",
            [*params, SkipReason.TOO_RECENT],
        )
        counts = dict(cursor.fetchall())
    hard = {
        key: [each for each in rows if each.is_hard]
        for key, rows in conflicts_of(counts, now=timezone.now()).items()
        if any(each.is_hard for each in rows)
    }
    rows = (
        Organization.objects.filter(pk__in=hard)
        if user is None
        else Organization.objects.visible_to(user).filter(pk__in=hard)
    )
    owners = dict(ContactGuard.objects.filter(organization__in=hard).values_list("organization_id", "owner_id"))
    found = [Held(row, counts[row.pk], hard[row.pk], owners.get(row.pk)) for row in rows.select_related("country")]
    return sorted(found, key=lambda held: (-held.count, held.organization.sort_key))[:most]


def overridden(mailing: Mailing, user: User) -> list[GuardOverride]:
    """Institutions that get it all the same, those in the user's reach."""
    seen = Organization.objects.visible_to(user)
    rows = GuardOverride.objects.filter(mailing=mailing, ended_at=None, organization__in=seen)
    rows = rows.select_related("organization", "by")
    return list(rows.order_by("-at"))


def guard_findings(mailing: Mailing) -> Iterable[Finding]:
    held = held_back(mailing, most=None)
    if held:
        yield Finding(
            WARN,
            "shield-exclamation",
            ngettext(
                "The guard of %(n)s institution holds it back",
                "The guards of %(n)s institutions hold it back",
                len(held),
            )
            % {"n": len(held)},
            _(
                "They are skipped: %(names)s. Hold them for a day, or write to them all the same with a reason that is kept."
            )
            % {"names": ", ".join(each.organization.label for each in held[:3]) + ("…" if len(held) > 3 else "")},
            reverse("mailing_guard", args=[mailing.uid]),
            _("Look"),
        )
