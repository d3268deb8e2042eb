"""Edit many people or organizations at once: set-based, one audit entry, undone whole by it.

A bulk edit is a `Bulk`: what is changed, to what, of whom. `preview` says how many that would change; `run_some` does the next few
thousand, in one transaction with where it stands, so that a job can go on after a worker's death.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.directory.models import Constituency, Country, Organization
from contacts.directory.services.organizations import people_follow
from contacts.directory.services.sets import FIELDS
from contacts.directory.services.tags import find_or_make, write_tag
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Invalid
from crm.ui.formats import number

CHUNK = 2000
WHAT = {
    "person": ("language", "tag", "untag", "archive", "unarchive"),
    "organization": ("constituency", "country", "language", "tag", "untag", "archive", "unarchive"),
}
LABELS = {
    "language": gettext_lazy("Language"),
    "country": gettext_lazy("Country"),
    "constituency": gettext_lazy("Constituency"),
    "tag": gettext_lazy("Add a tag"),
    "untag": gettext_lazy("Take a tag away"),
    "archive": gettext_lazy("Archive"),
    "unarchive": gettext_lazy("Bring back"),
}
WITHOUT_VALUE = ("archive", "unarchive")


@dataclass(frozen=True)
class Bulk:
    """what: one of WHAT; value: a code, or a tag's name; "" for archive and unarchive. Raises Invalid for what cannot be."""

    kind: str
    what: str
    value: str = ""

    def __post_init__(self) -> None:
        if self.what not in WHAT.get(self.kind, ()):
            raise Invalid(_("This cannot be changed for many at once. Nothing was changed."), code="not_in_bulk")
        if self.what in {"tag", "untag"} and not self.value.strip():
            raise Invalid(_("A tag needs a name."), code="no_name")
        known: dict[str, Callable[[], bool]] = {
            "country": lambda: not self.value or Country.objects.filter(code=self.value).exists(),
            "constituency": lambda: Constituency.objects.filter(code=self.value, archived_at=None).exists(),
            "language": lambda: len(self.value) <= 8 and self.value.replace("-", "").isalnum() or not self.value,
        }
        if self.what in known and not known[self.what]():
            raise Invalid(_("Choose one of the list. Nothing was changed."), code="bad_value")

    @property
    def brings_back(self) -> bool:
        """Whether it is about archived rows: every other change is about those in use."""
        return self.what == "unarchive"

    @property
    def title(self) -> str:
        """In words, as the trail and the job are called."""
        label = str(LABELS[self.what])
        return f"{label}: {self._words}" if self.value else label

    @property
    def _words(self) -> str:
        model: Any = {"country": Country, "constituency": Constituency}.get(self.what)
        row = model.objects.filter(code=self.value).first() if model else None
        return row.label if row else self.value


def open_rows(bulk: Bulk, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of `rows` that the edit changes: the others are so already."""
    if bulk.what == "archive":
        return rows.filter(archived_at__isnull=True)
    if bulk.brings_back:
        return rows.filter(archived_at__isnull=False)
    if bulk.what in {"tag", "untag"}:
        having = rows.model.objects.filter(tags__name__iexact=" ".join(bulk.value.split())).values("pk")
        return rows.exclude(pk__in=having) if bulk.what == "tag" else rows.filter(pk__in=having)
    if bulk.what == "language":
        return rows.exclude(language=bulk.value)
    if bulk.what == "country":
        same = (
            rows.model.objects.filter(country_id=bulk.value or None)
            if bulk.value
            else rows.model.objects.filter(country=None)
        )
        return rows.exclude(pk__in=same.values("pk"))
    return rows.exclude(constituency__code=bulk.value)


def preview(*, bulk: Bulk, rows: QuerySet[Any]) -> tuple[int, int]:
    """(how many will change, how many are so already)."""
    everybody = rows.order_by().count()
    will = open_rows(bulk, rows).order_by().count()
    return will, everybody - will


def bulk_edit(*, bulk: Bulk, rows: QuerySet[Any], actor: User | None) -> tuple[int, AuditEntry | None]:
    """All of it now, in one transaction. → (how many were changed, the entry that undoes it)"""
    with transaction.atomic():
        place = Place()
        while run_some(bulk=bulk, rows=rows, actor=actor, place=place):
            pass
        return place.changed, finish(bulk=bulk, place=place)


@dataclass
class Place:
    """Where a bulk edit stands."""

    last: int = 0
    seen: int = 0
    changed: int = 0
    entry: int | None = None


def run_some(*, bulk: Bulk, rows: QuerySet[Any], actor: User | None, place: Place) -> int:
    """Change the next chunk in the order of keys, in the caller's transaction; how many rows it looked at, 0 at the end."""
    ids = list(rows.filter(pk__gt=place.last).order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if not ids:
        return 0
    if place.entry is None:
        place.entry = record(verb=f"{bulk.kind}.bulk_edited", object_type=bulk.kind, actor=actor, summary=bulk.title).pk
    entry = AuditEntry.objects.get(pk=place.entry)
    chunk = rows.model.objects.filter(pk__in=ids)
    if bulk.what in {"tag", "untag"}:
        tag = find_or_make([bulk.value])[0]
        place.changed += write_tag(rows=chunk, tag=tag, entry=entry, actor=actor, is_on=bulk.what == "tag")
    else:
        place.changed += _write(bulk, chunk, entry, actor)
        if bulk.kind == "organization" and bulk.what == "country":
            people_follow(organizations=Organization.objects.filter(pk__in=ids), entry=entry)
    place.last, place.seen = ids[-1], place.seen + len(ids)
    return len(ids)


def finish(*, bulk: Bulk, place: Place) -> AuditEntry | None:
    """Say in the entry how many it were; there is none when nothing was changed."""
    if place.entry is None:
        return None
    entry = AuditEntry.objects.get(pk=place.entry)
    if not place.changed:
        entry.delete()
        return None
    entry.summary = f"{bulk.title} × {number(place.changed)}"[:300]
    entry.save(update_fields=["summary"])
    return entry


def _write(bulk: Bulk, chunk: QuerySet[Any], entry: AuditEntry, actor: User | None) -> int:
    """One statement: what differs is locked in the order of keys, changed, and told in the trail and in the outbox."""
    table = chunk.model._meta.db_table
    is_plain = bulk.what in WITHOUT_VALUE
    if is_plain:
        name, column, read, write = "archived_at", "archived_at", "t.archived_at", "%s::timestamptz"
        value: Any = None if bulk.brings_back else timezone.now()
        after = "to_jsonb(%s::timestamptz)"
    else:
        field = FIELDS[bulk.kind][bulk.what]
        name, column, read, write = bulk.what, field.column, field.read, field.write.format("%s")
        value, after = bulk.value or ("" if bulk.what == "language" else None), "to_jsonb(%s::text)"
    differs = f"{read} IS DISTINCT FROM %s"
    if is_plain:
        differs = "t.archived_at IS NOT NULL" if bulk.brings_back else "t.archived_at IS NULL"
    chosen, params = chunk.order_by().values_list("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH old AS (SELECT t.id, t.uid, {read} AS before FROM {table} t WHERE t.id IN ({chosen}) AND {differs}"  # noqa: S608 our own words
            " ORDER BY t.id FOR UPDATE OF t),"
            f" changed AS (UPDATE {table} t SET {column} = {write}, updated_at = now() FROM old WHERE t.id = old.id),"
            " told AS (INSERT INTO crm_outboxevent (type, object_uid, actor_uid, at, payload)"
            " SELECT %s, uid, %s, now(), jsonb_build_object('fields', jsonb_build_array(%s::text)) FROM old)"
            " INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)"
            f" SELECT %s, %s, uid, %s, to_jsonb(before), {after} FROM old",
            [
                *params, *([] if is_plain else [value]), value,
                f"{bulk.kind}.{bulk.what + 'd' if is_plain else 'edited'}", actor.uid if actor else None, name,
                entry.pk, bulk.kind, name, value,
            ],
        )  # fmt: skip
        return int(cursor.rowcount)
