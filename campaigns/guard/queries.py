"""What holds us back from an institution: in words for one, as SQL for an audience."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import connection, models
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.directory.queries import among
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats

if TYPE_CHECKING:
    from campaigns.guard.models import ContactGuard, QuietDates  # noqa: F401  type parameters

# A touch is what we logged (a reply comes from them), and a day on which a mailing reached somebody of the institution: the
# ledger has no index by institution, but people's daily buckets have one by person.
_TOUCHES = """
    (SELECT count(*) FROM campaigns_party t JOIN campaigns_interaction i ON i.id = t.interaction_id AND i.kind <> 'reply'
      WHERE t.organization_id = {org} AND NOT t.is_mention AND t.at > {since} AND t.at <= {now})
  + (SELECT count(DISTINCT b.day) FROM contacts_membership m
       JOIN campaigns_engagementday b ON b.person_id = m.person_id AND b.mailed > 0 AND b.day > ({since})::date
      WHERE m.organization_id = {org} AND m.ended_on IS NULL)"""

# Institutions that a mailing leaves out. One list, made once for the statement: guards are few, whatever the audience.
GUARDED_SQL = """
    (SELECT g.organization_id FROM campaigns_contactguard g
      WHERE (g.protocol <> '' OR (g.most_touches IS NOT NULL AND {touches} >= g.most_touches))
        AND NOT EXISTS (SELECT 1 FROM campaigns_guardoverride w WHERE w.mailing_id = {mailing} AND w.organization_id = g.organization_id
                           AND w.ended_at IS NULL)
     UNION ALL
     SELECT y.organization_id FROM campaigns_quietdates y
      WHERE y.removed_at IS NULL AND {day} BETWEEN y.starts_on AND y.ends_on
        AND NOT EXISTS (SELECT 1 FROM campaigns_guardoverride w WHERE w.mailing_id = {mailing} AND w.organization_id = y.organization_id
                           AND w.ended_at IS NULL))"""


def guarded_sql(*, mailing: str, now: str, day: str) -> str:
    """SQL of the institutions that a mailing must not write to. The arguments are SQL: placeholders of the caller."""
    touches = _TOUCHES.format(org="g.organization_id", since=f"{now} - make_interval(days => g.per_days)", now=now)
    return GUARDED_SQL.format(touches=touches, mailing=mailing, day=day)


def touches_sql(*, org: str, since: str, now: str) -> str:
    """SQL of how often an institution was touched between two moments. The arguments are SQL."""
    return _TOUCHES.format(org=org, since=since, now=now)


def guards_anything() -> bool:
    """Whether any institution has a guard that can hold something back: without one, an audience pays for none of it."""
    from campaigns.guard.models import ContactGuard, QuietDates

    holding = ContactGuard.objects.filter(Q(most_touches__isnull=False) | ~Q(protocol="")).values("pk")
    return bool(holding.union(QuietDates.objects.filter(removed_at__isnull=True).values("pk"), all=True)[:1])


class QuietQuerySet(models.QuerySet["QuietDates"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from contacts.directory.models import Organization

        if user.scope(action).countries is None:
            return self
        return self.filter(organization__in=Organization.objects.visible_to(user, action))

    def standing(self) -> Self:
        return self.filter(removed_at__isnull=True)


class GuardQuerySet(models.QuerySet["ContactGuard"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from contacts.directory.models import Organization

        if user.scope(action).countries is None:
            return self
        return self.filter(organization__in=Organization.objects.visible_to(user, action))

    def owned_by(self, user_ids: Iterable[int]) -> Self:
        return self.filter(owner_id__in=list(user_ids), organization__archived_at__isnull=True)

    def with_last_two_way(self) -> Self:
        from campaigns.interactions.models import Party

        parties = Party.objects.two_way().filter(organization_id=OuterRef("organization_id")).order_by("-at")
        return self.annotate(last_two_way=Subquery(parties.values("at")[:1]))

    def silent(self) -> Self:
        """Without a two-way contact for longer than the guard says; those that never talked with us come first."""
        patience = ExpressionWrapper(F("silent_weeks") * Value(timedelta(weeks=1)), output_field=DurationField())
        since = ExpressionWrapper(Now() - patience, output_field=DateTimeField())
        rows = self.with_last_two_way().filter(Q(last_two_way__isnull=True) | Q(last_two_way__lt=since))
        return rows.order_by(F("last_two_way").asc(nulls_first=True), "pk")


@dataclass(frozen=True)
class Conflict:
    """One thing that stands against turning to an institution now. until: the first day on which it does not any more."""

    kind: str  # quiet, touches, protocol, owner
    words: str
    until: date | None = None

    @property
    def is_hard(self) -> bool:
        """An owner is to be known of; the others hold back."""
        return self.kind != "owner"

    @property
    def icon(self) -> str:
        return "shield-exclamation" if self.is_hard else "user-heart"


def conflicts_of(
    organization_ids: Iterable[int], *, now: datetime, user: User | None = None
) -> dict[int, list[Conflict]]:
    """What stands against turning to each of these institutions now; three queries, however many. user: who asks, whose own
    institutions have no owner to be told of."""
    keys = list(dict.fromkeys(organization_ids))
    found: dict[int, list[Conflict]] = {}
    if not keys:
        return found
    from campaigns.guard.models import ContactGuard, QuietDates

    today = now.date()
    quiet = QuietDates.objects.filter(
        among("organization_id", keys), removed_at=None, starts_on__lte=today, ends_on__gte=today
    )
    for row in quiet.order_by("ends_on"):
        words = _("Quiet until %(day)s") % {"day": formats.day(row.ends_on)} + (f": {row.why}" if row.why else "")
        found.setdefault(row.organization_id, []).append(Conflict("quiet", words, row.ends_on + timedelta(days=1)))
    guards = list(ContactGuard.objects.filter(among("organization_id", keys)).select_related("owner"))
    counted = touches_of([guard for guard in guards if guard.most_touches], now=now)
    for guard in guards:
        own = found.setdefault(guard.organization_id, [])
        if guard.most_touches and guard.per_days and counted.get(guard.organization_id, 0) >= guard.most_touches:
            own.append(
                Conflict("touches", _touches_words(counted[guard.organization_id], guard.most_touches, guard.per_days))
            )
        if guard.protocol:
            own.append(Conflict("protocol", guard.protocol))
        if guard.owner and user is not None and guard.owner_id != user.pk:
            own.append(Conflict("owner", _("%(name)s looks after it") % {"name": guard.owner.name}))
    return {key: rows for key, rows in found.items() if rows}


def _touches_words(count: int, most: int, days: int) -> str:
    touched = ngettext("%(n)s touch", "%(n)s touches", count) % {"n": count}
    return _("%(touched)s in %(days)s days, and %(most)s are the most") % {
        "touched": touched,
        "days": days,
        "most": most,
    }


def touches_of(guards: list[ContactGuard], *, now: datetime) -> dict[int, int]:
    """Touches of each guarded institution within its own period; one statement."""
    if not guards:
        return {}
    touches = _TOUCHES.format(
        org="k.id", since="%(now)s::timestamptz - make_interval(days => k.days)", now="%(now)s::timestamptz"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT k.id, {touches} FROM unnest(%(ids)s::bigint[], %(days)s::int[]) AS k(id, days)",  # noqa: S608 our own words
            {"now": now, "ids": [g.organization_id for g in guards], "days": [g.per_days for g in guards]},
        )
        return dict(cursor.fetchall())
