"""Tags of one row, and of many at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person, Tag
from contacts.directory.queries import find_tag
from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import record
from crm.errors import Invalid

MAX_LENGTH = 60
CHUNK = 5000


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
    with transaction.atomic():
        tag = find_or_make([name])[0]
        model = rows.model
        through = model.tags.through
        column = f"{model._meta.model_name}_id"
        fresh = list(rows.exclude(tags=tag).order_by("pk").values_list("pk", "uid"))
        if not fresh:
            return None
        links = [through(**{column: pk, "tag_id": tag.pk}) for pk, _uid in fresh]
        through.objects.bulk_create(links, batch_size=CHUNK, ignore_conflicts=True)
        kind = model._meta.model_name or ""
        entry = record(verb=f"{kind}.tagged", object_type=kind, actor=actor, summary=f"{tag.name} × {len(fresh)}")
        AuditChange.objects.bulk_create(
            [
                AuditChange(
                    entry=entry,
                    object_type=kind,
                    object_uid=uid,
                    field=f"tag:{tag.name}"[:64],
                    before=False,
                    after=True,
                )
                for _pk, uid in fresh
            ],
            batch_size=CHUNK,
        )
        return entry


def names_of(target: Person | Organization) -> list[str]:
    return sorted(target.tags.values_list("name", flat=True), key=str.casefold)


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
