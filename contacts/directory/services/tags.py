"""Tags of one row, and of many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person, Tag
from contacts.directory.queries import find_tag
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Invalid

MAX_LENGTH = 60


def set_tags(*, target: Person | Organization, names: Iterable[str], actor: User | None) -> AuditEntry | None:
    """Give a row exactly these tags; new ones are made, upper and lower case are the same."""
    with transaction.atomic():
        before = names_of(target)
        target.tags.set(find_or_make(names))
        after = names_of(target)
        if before == after:
            return None
        kind = target._meta.model_name
        return record(verb=f"{kind}.tagged", target=target, actor=actor, changes=[("tags", before, after)], event={})


def tag_rows(*, rows: QuerySet[Any], name: str, actor: User | None) -> AuditEntry | None:
    """Add one tag to many people or organizations: one entry, a few statements. None if all had it."""
    return _tag_many(rows, name, actor, is_on=True)


def untag_rows(*, rows: QuerySet[Any], name: str, actor: User | None) -> AuditEntry | None:
    """Take one tag from many people or organizations. None if none of them had it."""
    return _tag_many(rows, name, actor, is_on=False)


def _tag_many(rows: QuerySet[Any], name: str, actor: User | None, *, is_on: bool) -> AuditEntry | None:
    kind = rows.model._meta.model_name or ""
    with transaction.atomic():
        tag = find_or_make([name])[0]
        entry = record(verb=f"{kind}.tagged", object_type=kind, actor=actor)
        count = write_tag(rows=rows, tag=tag, entry=entry, actor=actor, is_on=is_on)
        if not count:
            entry.delete()
            return None
        entry.summary = (
            f"{tag.name} × {count}" if is_on else _("%(tag)s taken from %(n)s") % {"tag": tag.name, "n": count}
        )
        entry.save(update_fields=["summary"])
        return entry


def write_tag(*, rows: QuerySet[Any], tag: Tag, entry: AuditEntry, actor: User | None, is_on: bool) -> int:
    """The change itself in one statement, with its rows of the trail; how many it changed."""
    kind = rows.model._meta.model_name
    chosen, params = rows.order_by().values_list("pk", "uid").query.sql_with_params()
    change = (
        f"INSERT INTO contacts_{kind}_tags ({kind}_id, tag_id) SELECT id, %s FROM chosen ON CONFLICT DO NOTHING RETURNING {kind}_id"  # noqa: S608 our own words
        if is_on
        else f"DELETE FROM contacts_{kind}_tags x USING chosen WHERE x.tag_id = %s AND x.{kind}_id = chosen.id RETURNING x.{kind}_id"  # noqa: S608 our own words
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH chosen (id, uid) AS ({chosen}), changed (id) AS ({change}),"  # noqa: S608 our own words
            " told AS (INSERT INTO crm_outboxevent (type, object_uid, actor_uid, at, payload)"
            " SELECT %s, uid, %s, now(), '{}'::jsonb FROM chosen JOIN changed USING (id))"
            " INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)"
            " SELECT %s, %s, uid, %s, to_jsonb(NOT %s), to_jsonb(%s) FROM chosen JOIN changed USING (id)",
            [*params, tag.pk, f"{kind}.tagged", actor.uid if actor else None, entry.pk, kind, f"tag:{tag.name}"[:64], is_on, is_on],
        )  # fmt: skip
        return int(cursor.rowcount)


def with_tag_names(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows with what `names_of` would ask for one by one."""
    return rows.annotate(
        its_tag_names=ArraySubquery(
            rows.model.objects.filter(pk=OuterRef("pk"), tags__isnull=False).values("tags__name")
        )
    )


def names_of(target: Person | Organization) -> list[str]:
    known = vars(target).get("its_tag_names")
    return sorted(target.tags.values_list("name", flat=True) if known is None else known, key=str.casefold)


def find_or_make(names: Iterable[str]) -> list[Tag]:
    asked = list(names)
    found = []
    for name in dict.fromkeys(" ".join(name.split()) for name in asked):
        if not name:
            continue
        if len(name) > MAX_LENGTH:
            raise Invalid(
                _("A tag may have %(n)s letters; “%(name)s” is longer.") % {"n": MAX_LENGTH, "name": name[:80]}
            )
        found.append(_in_use(find_tag(name)) or Tag.objects.create(name=name))
    if asked and not found:
        raise Invalid(_("A tag needs a name."), code="no_name")
    return list(dict.fromkeys(found))


def _in_use(tag: Tag | None) -> Tag | None:
    """Who gives an archived tag again wants it back."""
    if tag is not None and tag.archived_at is not None:
        Tag.objects.filter(pk=tag.pk).update(archived_at=None)
        tag.archived_at = None
    return tag
