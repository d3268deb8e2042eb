"""Save, change, share and delete views. Each is one transaction with one audit entry, and can be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.saved_views.models import DefaultView, SavedView
from crm.ui import sources

LONGEST = 4000  # letters of a state
PASSING = ("view", "columns", "after", "before", "export", "facet", "pick", "all", "csrfmiddlewaretoken")


def cleaned(query: str) -> str:
    """A list's state in one spelling: without the page it stood on, names in order."""
    given = QueryDict(query.replace("\x00", "")[:LONGEST])
    kept = QueryDict(mutable=True)
    for name in sorted(given):
        if name not in PASSING:
            kept.setlist(name, sorted(value for value in given.getlist(name) if value))
    return kept.urlencode()


def save_view(
    *,
    actor: User,
    source: str,
    name: str,
    query: str = "",
    columns: Sequence[str] = (),
    is_shared: bool = False,
    is_default: bool = False,
) -> SavedView:
    """A new view of a list. Raises Conflict when one has that name already."""
    if not sources.find(source).has_views:
        raise Invalid(_("Views of this list cannot be saved."))
    view = SavedView(
        owner=actor, source=source, name=_name(name), query=cleaned(query), columns=list(columns), is_shared=is_shared
    )
    with transaction.atomic():
        _save(view)
        if is_default:
            DefaultView.objects.update_or_create(user=actor, source=source, defaults={"view": view})
        record(
            verb="savedview.created", target=view, actor=actor, changes=[("name", None, view.name)], summary=view.name
        )
    return view


def edit_view(*, view: SavedView, actor: User, **values: Any) -> AuditEntry | None:
    """Change name, query, columns or is_shared. Raises NotAllowed for what somebody else owns."""
    if unknown := set(values) - {"name", "query", "columns", "is_shared"}:
        raise ValueError(f"a view has no {unknown.pop()}")
    if "name" in values:
        values["name"] = _name(values["name"])
    if "query" in values:
        values["query"] = cleaned(values["query"])
    with transaction.atomic():
        row = _mine(view.uid, actor)
        changes = [
            (field, getattr(row, field), value) for field, value in values.items() if getattr(row, field) != value
        ]
        if not changes:
            return None
        for field, _before, value in changes:
            setattr(row, field, value)
        _save(row)
        return record(verb="savedview.edited", target=row, actor=actor, changes=changes, summary=row.name)


def delete_view(*, view: SavedView, actor: User) -> AuditEntry | None:
    """Take a view away, for everybody if it was shared. Undo brings it back."""
    with transaction.atomic():
        row = _mine(view.uid, actor)
        if row.deleted_at is not None:
            return None
        row.deleted_at = timezone.now()
        row.save(update_fields=["deleted_at", "updated_at"])
        return record(
            verb="savedview.deleted",
            target=row,
            actor=actor,
            changes=[("deleted_at", None, row.deleted_at)],
            summary=row.name,
        )


def set_default(*, source: str, view: SavedView | None, actor: User) -> None:
    """What the list opens with for this user; a preference of one person, so not in the trail."""
    if view is None:
        DefaultView.objects.filter(user=actor, source=source).delete()
    else:
        DefaultView.objects.update_or_create(user=actor, source=source, defaults={"view": view})


def restore_view(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo: the name, the state or the sharing before; back from deletion; a new one is deleted."""
    row = _mine(uid, actor)
    if "name" in values and values["name"] is None:
        row.deleted_at = row.deleted_at or timezone.now()
        row.save(update_fields=["deleted_at", "updated_at"])
        return
    if "deleted_at" in values:
        row.deleted_at = None
    elif any(getattr(row, field) != value for field, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    else:
        for field, value in values.items():
            setattr(row, field, value)
    _save(row)


def _mine(uid: UUID, actor: User) -> SavedView:
    row = SavedView.objects.select_for_update(of=("self",)).filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This view is not there any more."), code="gone")
    if row.owner_id != actor.pk and not (row.is_shared and actor.may(Action.ADMINISTER)):
        raise NotAllowed(_("This view belongs to somebody else. Save it under a name of your own instead."))
    return row


def _name(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > 80:
        sentence = _("Give it a name of up to 80 letters.")
        raise Invalid(sentence, code="bad_name", errors=[("name", sentence)])
    return name


def _save(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise Conflict(
            _("You have a view called “%(name)s” of this list already. Choose another name.") % {"name": view.name},
            code="view_exists",
        ) from None
