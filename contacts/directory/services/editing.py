"""How a row is edited: locked, compared with what the user saw, validated, saved, audited.

A change carries the value that the user saw. If somebody wrote another one meanwhile, StaleEdit says who and what; nothing
is saved, and the screen keeps the user's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Constituency, Country, Organization, Person, Post
from contacts.greetings.models import FormOfAddress
from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, StaleEdit


def plain(value: Any) -> Any:
    """A value as the audit trail keeps it: related rows by their code or uid, texts and dates as text."""
    if isinstance(value, Country | Constituency):
        return value.code
    if isinstance(value, models.Model):
        return str(getattr(value, "uid", value.pk))
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return str(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to a reader: nothing and "" are."""
    return (plain(one) or "") == (plain(other) or "")


def edit_row(
    *,
    target: models.Model,
    allowed: Iterable[str],
    changes: Mapping[str, Any],
    seen: Mapping[str, Any] | None,
    actor: User | None,
    verb: str,
) -> AuditEntry | None:
    """Set `changes` on `target` (whose object is brought up to date); None if that changes nothing.

    seen: field → the value that the user had before them; Raises StaleEdit when it is another one by now.
    """
    if unknown := set(changes) - set(allowed):
        raise ValueError(f"{target._meta.model_name} has no editable field {unknown.pop()}")
    with transaction.atomic():
        row = lock(target)
        for field, value in (seen or {}).items():
            refuse_stale(row, field, value, wanted=changes.get(field))
        made = [(f, plain(getattr(row, f)), plain(v)) for f, v in changes.items() if not same(getattr(row, f), v)]
        if not made:
            return None
        put(row, {field: changes[field] for field, _before, _after in made})
        copy_into(target, row)
        return record(verb=verb, target=row, actor=actor, changes=made, event={"fields": [f for f, _b, _a in made]})


def lock(target: models.Model) -> Any:
    """The row as it is now, held until the end of the transaction; not its key, so that an import that points to it keeps nobody waiting."""
    return type(target)._default_manager.select_for_update(of=("self",), no_key=True).get(pk=target.pk)


def put(row: Any, values: Mapping[str, Any]) -> None:
    """Validate and save some fields of a row."""
    for field, value in values.items():
        setattr(row, field, value)
    # what may be NULL in the database may be emptied, whether or not a form could leave it blank
    others = [f.name for f in row._meta.concrete_fields if f.name not in values or (f.null and values[f.name] is None)]
    try:
        row.clean_fields(exclude=others)
        row.validate_constraints(exclude=[name for name in others if name not in {"organization", "person", "post"}])
    except ValidationError as error:
        raise invalid(error) from error
    row.save(update_fields=[*values, *(["updated_at"] if hasattr(row, "updated_at") else [])])


def invalid(error: ValidationError) -> Invalid:
    return Invalid(" ".join(error.messages), code="bad_value", errors=getattr(error, "message_dict", {}))


def copy_into(target: Any, row: Any) -> None:
    for field in row._meta.concrete_fields:
        setattr(target, field.attname, getattr(row, field.attname))


def refuse_stale(row: Any, field: str, seen: Any, *, wanted: Any) -> None:
    current = getattr(row, field)
    if same(current, seen) or same(current, wanted):
        return
    last = AuditChange.objects.filter(object_uid=row.uid, field=field).select_related("entry__actor").last()
    who = last.entry.actor.name if last and last.entry.actor else _("Somebody")
    shown = str(current or "") or _("nothing")
    raise StaleEdit(
        _(
            "%(who)s changed this to “%(value)s” while you were editing. Your text is kept here; save again to replace theirs."
        )
        % {"who": who, "value": shown[:200]},
        field=field,
        current=plain(current) or "",
        who=who,
    )


def archive_row(*, target: Any, actor: User | None, verb: str) -> AuditEntry | None:
    """Take a row out of lists; its history stays."""
    with transaction.atomic():
        row = lock(target)
        if row.archived_at:
            return None
        row.archived_at = timezone.now()
        row.save(update_fields=["archived_at"])
        target.archived_at = row.archived_at
        return record(
            verb=verb, target=row, actor=actor, changes=[("archived_at", None, plain(row.archived_at))], event={}
        )


def unarchive_row(*, target: Any, actor: User | None, verb: str) -> AuditEntry | None:
    """Bring a row back into lists."""
    with transaction.atomic():
        row = lock(target)
        if not row.archived_at:
            return None
        before, row.archived_at = row.archived_at, None
        row.save(update_fields=["archived_at"])
        target.archived_at = None
        return record(verb=verb, target=row, actor=actor, changes=[("archived_at", plain(before), None)], event={})


def created(
    *, target: models.Model, fields: Iterable[str], actor: User | None, more: Iterable[Change] = ()
) -> AuditEntry:
    """The audit entry of a new row. `more`: what was made with it (addresses, memberships)."""
    changes = [(f, None, plain(getattr(target, f))) for f in fields if getattr(target, f) not in (None, "", [])]
    return record(
        verb=f"{target._meta.model_name}.created", target=target, actor=actor, changes=[*changes, *more], event={}
    )


# --- undo -----------------------------------------------------------------------------------------------------------
_RELATED: dict[str, tuple[type[models.Model], str]] = {
    "country": (Country, "code"),
    "constituency": (Constituency, "code"),
    "parent": (Organization, "uid"),
    "organization": (Organization, "uid"),
    "form_of_address": (FormOfAddress, "uid"),
    "post": (Post, "uid"),
    "person": (Person, "uid"),
}


def back_from_plain(model: type[models.Model], field: str, value: Any) -> Any:
    """What `plain()` made of a value, as the value again."""
    if field in _RELATED and isinstance(model._meta.get_field(field), models.ForeignKey):
        related, key = _RELATED[field]
        return related._default_manager.get(**{key: value}) if value else None
    column: Any = model._meta.get_field(field)
    if value is None and not column.null:
        return column.get_default()
    return column.to_python(value)


def restore_fields(row: Any, values: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Put fields back, if each still has the value that the change left."""
    known = {field.name for field in row._meta.concrete_fields}
    for field in values:
        if field not in known or not same(getattr(row, field), expected[field]):
            raise Conflict(
                _("“%(field)s” was changed again since, so it was left as it is.") % {"field": field.replace("_", " ")},
                code="changed_since",
            )
    put(row, {field: back_from_plain(type(row), field, value) for field, value in values.items()})


def find_locked(model: Any, uid: UUID) -> Any:
    row = model._default_manager.select_for_update(of=("self",), no_key=True).filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if getattr(row, "erased_at", None):
        raise Conflict(_("This person was erased, so nothing about them is put back."), code="erased")
    return row
