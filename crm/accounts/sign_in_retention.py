"""From where somebody signed in, in old entries of the audit trail. The entries stay: who, when, by which means."""

from __future__ import annotations

from datetime import datetime

from django.db.models import CharField, F, Func, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from crm.accounts.security_events import BETWEEN, VERBS
from crm.audit.models import AuditEntry
from crm.retention.registry import Batch, Kind, register

SIZE = 2_000
ADDRESS = r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+"
# for PostgreSQL: the address with all that stands behind it, as `security_events` writes “code · 192.0.2.7 · Firefox, Windows”
PLACE = f"(^|{BETWEEN}){ADDRESS}({BETWEEN}|$).*"
REST = Func(F("summary"), Value(PLACE), Value(""), function="regexp_replace", output_field=CharField())


def _entries(before: datetime, since: datetime | None) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.filter(verb__in=VERBS, at__lt=before, summary__regex=PLACE)
    return rows.filter(at__gte=since) if since else rows


def count(before: datetime, since: datetime | None, limit: int) -> int:
    return _entries(before, since).order_by()[:limit].count()


def work(before: datetime, since: datetime | None) -> Batch:
    keys = list(_entries(before, since).order_by("at", "pk").values_list("pk", flat=True)[:SIZE])
    AuditEntry.objects.filter(pk__in=keys).update(summary=REST)
    return Batch(len(keys), more=len(keys) == SIZE)


register(
    Kind(
        code="sign_in_places",
        label=_("Addresses of sign-ins"),
        what=_("Network address and browser in old entries about sign-in go. Who signed in, when and how stays."),
        default_days=90,
        minimum_days=7,
        count=count,
        work=work,
        order=48,
    )
)
