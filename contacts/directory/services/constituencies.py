"""The constituency tree: two levels, seven fixed roots. The root decides how its people may be tracked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Constituency
from contacts.directory.reference import INDIVIDUAL
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed

CODE_LENGTH = 12


def add_constituency(
    *, name: str, parent: Constituency, actor: User, names: Mapping[str, str] | None = None
) -> tuple[Constituency, AuditEntry]:
    """Add a child below a root. Its code, for the API and exports, is made from its name and never changes."""
    with transaction.atomic():
        parent = Constituency.objects.select_for_update().get(pk=parent.pk)
        _expect_a_root(parent)
        row = Constituency(
            name=_named(name), names=dict(names or {}), parent=parent, root_code=parent.code, code=_code(name)
        )
        row.save()
        changes: list[Change] = [("name", None, row.name), ("parent", None, parent.code)]
        entry = record(verb="constituency.created", target=row, actor=actor, changes=changes, summary=row.name)
    return row, entry


def edit_constituency(
    *,
    constituency: Constituency,
    actor: User,
    name: str,
    names: Mapping[str, str],
    parent: Constituency | None = None,
) -> AuditEntry | None:
    """Change what it is called, and where a child stands. A fixed root keeps its place and its code."""
    with transaction.atomic():
        row = Constituency.objects.select_for_update().get(pk=constituency.pk)
        if row.parent_id and parent is None or not row.parent_id and parent is not None:
            raise Invalid(_("A root stays a root, and a child stays below one."), code="wrong_place")
        if parent is not None:
            _expect_a_root(parent)
        return _save(
            row,
            actor,
            verb="constituency.edited",
            name=_named(name),
            names={code: text.strip() for code, text in names.items() if text.strip()},
            parent=parent,
        )


def set_archived(*, constituency: Constituency, is_archived: bool, actor: User) -> AuditEntry | None:
    """Offer it no more, or again. Institutions that stand there keep it, and its root still decides for them."""
    with transaction.atomic():
        row = Constituency.objects.select_for_update().get(pk=constituency.pk)
        if row.is_fixed or row.code == INDIVIDUAL:
            raise Conflict(_("“%(name)s” always stays: other rules rest on it.") % {"name": row.label}, code="is_fixed")
        if is_archived and row.children.filter(archived_at__isnull=True).exists():
            raise Conflict(
                _("“%(name)s” has branches in use. Archive or move those first.") % {"name": row.label},
                code="has_children",
            )
        verb = "constituency.archived" if is_archived else "constituency.restored"
        if bool(row.archived_at) == is_archived:
            return None
        return _save(row, actor, verb=verb, archived_at=timezone.now() if is_archived else None)


def undo_constituency(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """For `undoable`. What a creation made is archived: an institution may stand there by now."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = Constituency.objects.select_for_update(of=("self",)).select_related("parent").get(uid=uid)
    if "name" in values and values["name"] is None:
        row.archived_at = row.archived_at or timezone.now()
        row.save()
        return
    if {name: _plain(getattr(row, name)) for name in values} != dict(expected):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for name, value in values.items():
        setattr(row, name, Constituency.objects.get(code=value) if name == "parent" and value else value)
    row.root_code = row.parent.code if row.parent else row.code
    row.save()


def _save(row: Constituency, actor: User, *, verb: str, **values: Any) -> AuditEntry | None:
    before = {name: _plain(getattr(row, name)) for name in values}
    after = {name: _plain(value) for name, value in values.items()}
    if before == after:
        return None
    for name, value in values.items():
        setattr(row, name, value)
    row.root_code = row.parent.code if row.parent else row.code
    row.save()
    changes: list[Change] = [(name, before[name], after[name]) for name in values if before[name] != after[name]]
    return record(verb=verb, target=row, actor=actor, changes=changes, summary=row.name)


def _plain(value: Any) -> Any:
    """As it comes back from the audit trail."""
    if isinstance(value, Constituency):
        return value.code
    return value.isoformat() if hasattr(value, "isoformat") else value


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid(_("Give it a name."), code="no_name")
    return name


def _expect_a_root(parent: Constituency) -> None:
    if parent.parent_id or parent.archived_at or parent.code == INDIVIDUAL:
        raise Invalid(_("Choose one of the roots: the tree has two levels."), code="wrong_place")


def _code(name: str) -> str:
    """*Informal workers’ association* → INFORMALWORK, with a number where that is taken."""
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    base = re.sub(r"[^A-Z0-9]", "", latin.upper())[:CODE_LENGTH] or "GROUP"
    taken = set(Constituency.objects.filter(code__startswith=base[:8]).values_list("code", flat=True))
    number, code = 1, base
    while code in taken:
        number += 1
        code = f"{base[: CODE_LENGTH - len(str(number))]}{number}"
    return code
