"""Keeping tags tidy: rename, merge, archive. Old names go on finding the tag, so that segments and files need no change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person, Tag
from contacts.directory.queries import find_tag
from contacts.directory.services.tags import MAX_LENGTH
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed


def rename_tag(*, tag: Tag, name: str, actor: User) -> AuditEntry | None:
    """Give a tag another name; None when it has that name already."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_LENGTH:
        raise Invalid(_("Give it a name of up to %(n)s letters.") % {"n": MAX_LENGTH}, code="no_name")
    with transaction.atomic():
        tag = _locked(tag)
        if tag.name == name:
            return None
        other = find_tag(name)
        if other is not None and other != tag:
            raise Conflict(
                _("“%(name)s” is, or was, a name of the tag “%(other)s”. Choose another name, or merge the two.")
                % {"name": name, "other": other.name},
                code="tag_exists",
            )
        return _save(tag, actor, verb="tag.renamed", name=name, former_names=_with_former(tag, tag.name, without=name))


def archive_tag(*, tag: Tag, actor: User) -> AuditEntry | None:
    """Offer it no more; who has it keeps it. Giving it again brings it back."""
    with transaction.atomic():
        tag = _locked(tag)
        return None if tag.archived_at else _save(tag, actor, verb="tag.archived", archived_at=timezone.now())


def restore_tag(*, tag: Tag, actor: User) -> AuditEntry | None:
    with transaction.atomic():
        tag = _locked(tag)
        return _save(tag, actor, verb="tag.restored", archived_at=None) if tag.archived_at else None


def merge_tags(*, source: Tag, target: Tag, actor: User) -> AuditEntry:
    """Everybody tagged `source` is tagged `target` instead; what still says the old name means the new one."""
    if source.pk == target.pk:
        raise Invalid(_("A tag cannot be merged into itself. Choose another one."), code="same_tag")
    with transaction.atomic():
        pair = {row.pk: row for row in Tag.objects.select_for_update().filter(pk__in=[source.pk, target.pk])}
        source, target = pair[source.pk], pair[target.pk]
        if source.merged_into_id or target.merged_into_id:
            raise Conflict(_("One of the two was merged already. Reload the page to see."), code="merged_already")
        entry = _save(
            source, actor, verb="tag.merged", archived_at=timezone.now(), merged_into=target, summary=target.name
        )
        for kind in ("person", "organization"):
            _move_links(kind, source, target, entry)
        return entry


def _move_links(kind: str, source: Tag, target: Tag, entry: AuditEntry) -> None:
    """In one statement: links go over, and each row's change is told, so that undo knows who had what."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH gone AS (DELETE FROM contacts_{kind}_tags WHERE tag_id = %(source)s RETURNING {kind}_id AS id),
                 new AS (INSERT INTO contacts_{kind}_tags ({kind}_id, tag_id) SELECT id, %(target)s FROM gone
                         ON CONFLICT DO NOTHING RETURNING {kind}_id AS id)
            INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
            SELECT %(entry)s, %(kind)s, r.uid, c.field, c.before, c.after
              FROM (SELECT id, %(old)s AS field, 'true'::jsonb AS before, 'false'::jsonb AS after FROM gone
                    UNION ALL SELECT id, %(now)s, 'false', 'true' FROM new) c
              JOIN contacts_{kind} r ON r.id = c.id
            """,  # noqa: S608 two names of our own
            {
                "source": source.pk,
                "target": target.pk,
                "entry": entry.pk,
                "kind": kind,
                "old": f"tag:{source.name}"[:64],
                "now": f"tag:{target.name}"[:64],
            },
        )


def undo_tag(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """For `undoable`: a tag's own fields, or the links of one person or institution that a merge moved."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    tag = Tag.objects.select_for_update().filter(uid=uid).first()
    if tag is not None:
        now = _plain({name: getattr(tag, name) for name in values})
        if now != dict(expected):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        for name, value in values.items():
            if name == "merged_into":
                tag.merged_into = Tag.objects.filter(uid=value).first() if value else None
            else:
                setattr(tag, name, value)
        tag.save()
        return
    row = Person.objects.filter(uid=uid).first() or Organization.objects.filter(uid=uid).first()
    for field, had_it in values.items():
        tag = find_exactly(field.removeprefix("tag:"))
        if row is not None and tag is not None:
            (row.tags.add if had_it else row.tags.remove)(tag)


def find_exactly(name: str) -> Tag | None:
    """The tag that had this name, merged or not: undo puts back what was."""
    key = name.lower()
    return Tag.objects.filter(name__iexact=name).first() or Tag.objects.filter(former_names__contains=[key]).first()


def _locked(tag: Tag) -> Tag:
    tag = Tag.objects.select_for_update().get(pk=tag.pk)
    if tag.merged_into_id:
        raise Conflict(_("It was merged into another tag. Reload the page to see."), code="merged_already")
    return tag


def _with_former(tag: Tag, old: str, *, without: str) -> list[str]:
    names = [*tag.former_names, old.lower()]
    return [name for name in dict.fromkeys(names) if name != without.lower()]


def _save(tag: Tag, actor: User, *, verb: str, summary: str = "", **values: Any) -> AuditEntry:
    before = _plain({name: getattr(tag, name) for name in values})
    for name, value in values.items():
        setattr(tag, name, value)
    tag.save()
    after = _plain(values)
    changes: list[Change] = [(name, before[name], after[name]) for name in values]
    return record(verb=verb, target=tag, actor=actor, changes=changes, summary=summary or tag.name)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from the audit trail."""
    return {
        name: str(value.uid) if isinstance(value, Tag) else value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in values.items()
    }
