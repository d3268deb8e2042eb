"""What changes segments: create, save under a version, duplicate, archive; each with one audit entry."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.segments.models import Segment, SegmentVersion, Selects
from contacts.segments.nesting import check_tree
from contacts.segments.registry import PEOPLE
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, StaleEdit

MAX_NAME = 120
logger = logging.getLogger(__name__)


def checked_name(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        sentence = _("Give it a name, so that others can find it.")
        raise Invalid(sentence, code="no_name", errors=[("name", sentence)])
    if len(name) > MAX_NAME:
        sentence = _("Write %(most)s characters at most.") % {"most": MAX_NAME}
        raise Invalid(sentence, code="long_name", errors=[("name", sentence)])
    return name


def create_segment(
    *, name: str, tree: dict[str, Any], actor: User | None, selects: str = PEOPLE, description: str = ""
) -> Segment:
    """Save new rules. Invalid (with `errors` by path) when they cannot be used."""
    name = checked_name(name)
    if selects not in Selects.values:
        raise Invalid(_("A segment selects people or organizations."))
    with transaction.atomic():
        segment = Segment(name=name, tree=tree, selects=selects, owner=actor, description=description)
        check_tree(tree, selects=selects)
        segment.save()
        SegmentVersion.objects.create(segment=segment, version=1, tree=tree, saved_by=actor)
        record(
            verb="segment.created", target=segment, actor=actor, changes=[("name", None, name)], summary=name,
            event={"name": name, "version": 1},
        )  # fmt: skip
        size_after(segment)
    return segment


def save_segment(
    *,
    segment: Segment,
    expected_version: int,
    tree: dict[str, Any],
    actor: User | None,
    name: str | None = None,
    description: str | None = None,
) -> Segment:
    """Save changed rules or a new name as the next version; a new description (None: as it is) alone makes none.

    expected_version: the one that the page was opened with. StaleEdit when somebody saved since; nothing is overwritten.
    """
    name = checked_name(segment.name if name is None else name)
    with transaction.atomic():
        locked = Segment.objects.select_for_update().get(pk=segment.pk)
        if locked.version != expected_version:
            last = locked.versions.select_related("saved_by").order_by("-version").first()
            who = last.saved_by.name if last and last.saved_by else _("Somebody")
            raise StaleEdit(
                _(
                    "%(who)s saved version %(version)s of this segment while you were editing. Your rules are still here and nothing was overwritten: save them as a new segment, or look at theirs first."
                )
                % {"who": who, "version": locked.version},  # fmt: skip
                version=locked.version,
            )
        about = locked.description if description is None else description.replace("\x00", "").strip()
        wanted = {"name": name, "tree": tree, "description": about}
        changes = [(field, getattr(locked, field), to) for field, to in wanted.items() if getattr(locked, field) != to]
        if not changes:
            check_tree(tree, selects=locked.selects, segment=locked, name=name)
            return locked
        is_described_only = [field for field, _before, _after in changes] == ["description"]
        if not is_described_only:  # rules that have become unusable can still be described
            check_tree(tree, selects=locked.selects, segment=locked, name=name)
        _put(locked, wanted, actor=actor, as_next=not is_described_only)
        record(
            verb="segment.saved", target=locked, actor=actor, changes=changes, summary=name,
            event={"name": name, "version": locked.version},
        )  # fmt: skip
    return locked


def _put(locked: Segment, values: dict[str, Any], *, actor: User | None, as_next: bool) -> None:
    """Write these fields; as the next version when what approvals and counts rest on changed."""
    for field, value in values.items():
        setattr(locked, field, value)
    locked.version += as_next
    locked.save(update_fields=[*values, "version", "updated_at"])
    if as_next:
        SegmentVersion.objects.create(segment=locked, version=locked.version, tree=locked.tree, saved_by=actor)
        size_after(locked)


def size_after(segment: Segment) -> None:
    """Have the new rules counted once they are committed. A lost wake-up costs one point of a line: the night counts again."""
    from contacts.segments.tasks import count_segment  # tasks import the services

    def wake() -> None:
        try:
            count_segment.apply_async(args=[segment.pk], retry=False)
        except Exception:  # whatever the broker's client raises
            logger.warning("The broker did not take the count of segment %s; the night will.", segment.pk)

    transaction.on_commit(wake)


def duplicate_segment(*, segment: Segment, actor: User) -> Segment:
    """A copy that belongs to the actor; a tree that has become unusable is refused."""
    name = (_("%(name)s (copy)") % {"name": segment.name})[:MAX_NAME]
    return create_segment(
        name=name, tree=segment.tree, actor=actor, selects=segment.selects, description=segment.description
    )


def archive_segment(*, segment: Segment, actor: User | None) -> AuditEntry:
    """Take it off the list. What uses it goes on working; undo brings it back."""
    with transaction.atomic():
        locked = Segment.objects.select_for_update().get(pk=segment.pk)
        if locked.archived_at is not None:
            raise Conflict(_("“%(name)s” is archived already.") % {"name": locked.name})
        locked.archived_at = timezone.now()
        locked.save(update_fields=["archived_at", "updated_at"])
        return record(
            verb="segment.archived", target=locked, actor=actor, changes=[("archived", False, True)],
            summary=locked.name, event={},
        )  # fmt: skip


def unarchive_segment(*, segment: Segment, actor: User | None) -> AuditEntry:
    """Bring it back to the list, as it was. Conflict when it is there."""
    with transaction.atomic():
        locked = Segment.objects.select_for_update().get(pk=segment.pk)
        if locked.archived_at is None:
            raise Conflict(_("“%(name)s” is not archived.") % {"name": locked.name})
        locked.archived_at = None
        locked.save(update_fields=["archived_at", "updated_at"])
        size_after(locked)  # nobody counted it while it was away
        return record(
            verb="segment.unarchived", target=locked, actor=actor, changes=[("archived", True, False)],
            summary=locked.name, event={},
        )  # fmt: skip


def note_count(*, segment: Segment, count: int) -> None:
    """Remember how many it was, for the list; no change of the segment itself, so no audit entry."""
    Segment.objects.filter(pk=segment.pk).update(last_count=count, last_counted_at=timezone.now())


def restore_segment(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo for segments: bring back from the archive, or put the name, rules and description before back (as a new version)."""
    segment = Segment.objects.select_for_update().filter(uid=uid).first()
    if segment is None or not Segment.objects.visible_to(actor, Action.SEGMENTS).filter(pk=segment.pk).exists():
        raise Conflict(_("This segment is not yours to change."), code="not_undoable")
    now: dict[str, Any] = {name: getattr(segment, name) for name in ("name", "tree", "description")}
    now["archived"] = segment.archived_at is not None
    if "name" in values and values["name"] is None:  # the entry that made it: it is archived, with its versions
        segment.archived_at = segment.archived_at or timezone.now()
        segment.save(update_fields=["archived_at", "updated_at"])
        return
    if any(now[field] != value for field, value in expected.items()):
        raise Conflict(_("“%(name)s” was changed since, so this was not undone.") % {"name": segment.name})
    if "archived" in values:
        segment.archived_at = timezone.now() if values["archived"] else None
        segment.save(update_fields=["archived_at", "updated_at"])
        return
    as_next = bool({"name", "tree"} & set(values))
    if as_next:
        check_tree(values.get("tree", segment.tree), selects=segment.selects, segment=segment)
    _put(segment, values, actor=actor, as_next=as_next)
