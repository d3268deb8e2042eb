"""E-mail addresses that stand in old entries of the audit trail. The entries stay: who, when, what; not the address."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.audit.models import AuditChange, AuditEntry
from crm.retention.registry import Batch, Kind, register

SIZE = 2_000
HOLDS = r'[^[:space:]"@]@[^[:space:]"@]'  # for PostgreSQL, on the JSON as text
ADDRESS = re.compile(r'[^\s"@<>(),;]+(?:@[^\s"@<>(),;]+)+')
GONE = "[address removed]"


def without_addresses(value: Any) -> Any:
    """The same value with every address in it replaced, however deep it stands."""
    if isinstance(value, str):
        return ADDRESS.sub(GONE, value)
    if isinstance(value, list):
        return [without_addresses(item) for item in value]
    if isinstance(value, dict):
        return {name: without_addresses(item) for name, item in value.items()}
    return value


def _changes(before: datetime, since: datetime | None) -> QuerySet[AuditChange]:
    rows = AuditChange.objects.filter(entry__at__lt=before, **({"entry__at__gte": since} if since else {}))
    return rows.extra(  # noqa: S610 a fixed text; the columns are JSON, which has no regular expressions of its own
        where=['("crm_auditchange"."before"::text ~ %s OR "crm_auditchange"."after"::text ~ %s)'], params=[HOLDS, HOLDS]
    )


def _entries(before: datetime, since: datetime | None) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.filter(Q(at__lt=before), summary__regex=HOLDS)
    return rows.filter(at__gte=since) if since else rows


def count(before: datetime, since: datetime | None, limit: int) -> int:
    found = _changes(before, since).order_by()[:limit].count() + _entries(before, since).order_by()[:limit].count()
    return min(found, limit)


def work(before: datetime, since: datetime | None) -> Batch:
    changes = list(_changes(before, since).order_by("pk")[:SIZE])
    for change in changes:
        change.before, change.after = without_addresses(change.before), without_addresses(change.after)
    AuditChange.objects.bulk_update(changes, ["before", "after"], batch_size=500)
    entries = list(_entries(before, since).order_by("pk")[:SIZE])
    for entry in entries:
        entry.summary = without_addresses(entry.summary)[:300]
    AuditEntry.objects.bulk_update(entries, ["summary"], batch_size=500)
    return Batch(len(changes) + len(entries), more=SIZE in (len(changes), len(entries)))


AUDIT_ADDRESSES = register(
    Kind(
        code="audit_addresses",
        label=_("Addresses in the audit trail"),
        what=_("The e-mail addresses in old entries go. Who changed what, and when, stays."),
        default_days=730,
        minimum_days=30,
        count=count,
        work=work,
        order=50,
    )
)
