"""Setting a guard, its quiet dates, who owns what, and going over a guard with a reason. Each is audited and can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.guard.models import ContactGuard, GuardOverride, QuietDates
from campaigns.guard.queries import conflicts_of
from campaigns.interactions.words import one_line
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.todo.models import Task
from campaigns.todo.services import add_task
from contacts.directory.models import Organization
from contacts.directory.services.editing import back_from_plain, find_locked, invalid, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import record
from crm.audit.verbs import Outcome
from crm.errors import Conflict, Invalid, NotAllowed, WrongState
from crm.ui import formats

FIELDS = ("owner", "silent_weeks", "most_touches", "per_days", "protocol")
MOST_AT_ONCE = 10_000  # institutions whose owner changes in one request: about two seconds
BEFORE_APPROVAL = (State.DRAFT, State.IN_REVIEW)


def _may(actor: User, organization: Organization) -> None:
    if not Organization.objects.visible_to(actor, Action.EDIT_DIRECTORY).filter(pk=organization.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))


def set_guard(*, organization: Organization, actor: User, **values: Any) -> AuditEntry | None:
    """Say who looks after an institution, and what holds us back from it. values: FIELDS. None when nothing changes."""
    if unknown := set(values) - set(FIELDS):
        raise ValueError(f"guards have no field {unknown.pop()}")
    _may(actor, organization)
    _may_own(values.get("owner"))
    if "protocol" in values:
        values["protocol"] = one_line(values["protocol"])
    with transaction.atomic():
        guard, _made = ContactGuard.objects.get_or_create(organization=organization)
        guard = find_locked(ContactGuard, guard.uid)
        changes = [(n, plain(getattr(guard, n)), plain(v)) for n, v in values.items() if not same(getattr(guard, n), v)]
        if not changes:
            return None
        for name, _before, _after in changes:
            setattr(guard, name, values[name])
        _save(guard)
        event = {"organization": str(organization.uid), "fields": [change[0] for change in changes]}
        return record(
            verb="contactguard.set", target=guard, actor=actor, changes=changes, summary=organization.name, event=event
        )


def set_owner_of_many(
    *, rows: QuerySet[Organization], owner: User | None, actor: User
) -> tuple[int, AuditEntry | None]:
    """Say of many institutions who looks after them; their other rules stay. rows: what the actor may edit in bulk. One entry, undone
    institution by institution as far as nobody changed it since. → (how many changed, the entry)

    Raises Invalid for more than MOST_AT_ONCE, or for somebody whose role does not handle outreach.
    """
    _may_own(owner)
    with transaction.atomic():
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(ids) > MOST_AT_ONCE:
            most = formats.number(MOST_AT_ONCE)
            raise Invalid(
                _("Choose %(most)s institutions at most. Nothing was changed.") % {"most": most}, code="too_many"
            )
        if owner is not None:
            known = ContactGuard.objects.filter(organization__in=ids).values_list("organization_id", flat=True)
            ContactGuard.objects.bulk_create(
                [ContactGuard(organization_id=pk) for pk in sorted(set(ids) - set(known))], ignore_conflicts=True
            )
        guards = (
            ContactGuard.objects.select_for_update(of=("self",)).filter(organization__in=ids).select_related("owner")
        )
        told = [guard for guard in guards.order_by("pk") if guard.owner_id != (owner.pk if owner else None)]
        if not told:
            return 0, None
        after = str(owner.uid) if owner else None
        entry = record(
            verb="contactguard.owner_set", object_type="contactguard", actor=actor, summary=owner.name if owner else ""
        )
        AuditChange.objects.bulk_create(
            AuditChange(
                entry=entry, object_type="contactguard", object_uid=guard.uid, field="owner",
                before=str(guard.owner.uid) if guard.owner else None, after=after,
            )
            for guard in told
        )  # fmt: skip
        ContactGuard.objects.filter(pk__in=[guard.pk for guard in told]).update(owner=owner, updated_at=timezone.now())
        return len(told), entry


def _may_own(owner: User | None) -> None:
    if owner is not None and not (owner.is_active and owner.may(Action.LOG)):
        raise Invalid(
            _("%(name)s cannot look after it: their role does not handle outreach.") % {"name": owner.name},
            code="owner",
        )


def _save(guard: ContactGuard) -> None:
    try:
        guard.full_clean(exclude=["owner", "organization"])
    except ValidationError as error:
        raise invalid(error) from error
    guard.save()


def restore_guard(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    guard: ContactGuard = find_locked(ContactGuard, uid)
    _may(actor, guard.organization)
    for name, value in values.items():
        if not same(plain(getattr(guard, name)), expected[name]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        setattr(guard, name, _value(name, value))
    _save(guard)


def restore_owners(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    """Who looked after each of many: where nobody changed it since, and the actor still may."""
    lines = {line.object_uid: line for line in entry.changes.filter(object_type="contactguard", field="owner")}
    seen = Organization.objects.visible_to(actor, Action.EDIT_DIRECTORY)
    rows = ContactGuard.objects.select_for_update(of=("self",)).filter(uid__in=lines, organization__in=seen)
    known = {
        str(user.uid): user
        for user in User.objects.filter(uid__in=[line.before for line in lines.values() if line.before])
    }
    back = []
    for guard in rows.select_related("owner").order_by("pk"):
        line = lines[guard.uid]
        if (str(guard.owner.uid) if guard.owner else None) == line.after:
            guard.owner, guard.updated_at = known.get(line.before or ""), timezone.now()
            back.append(guard)
    ContactGuard.objects.bulk_update(back, ["owner", "updated_at"], batch_size=1000)
    AuditChange.objects.bulk_create(
        AuditChange(
            entry=into, object_type="contactguard", object_uid=guard.uid, field="owner",
            before=lines[guard.uid].after, after=lines[guard.uid].before,
        )
        for guard in back
    )  # fmt: skip
    return Outcome(len(back), len(lines) - len(back))


def _value(name: str, value: Any) -> Any:
    if name == "owner":
        return User.objects.filter(uid=value).first() if value else None
    return back_from_plain(ContactGuard, name, value)


# --- quiet dates --------------------------------------------------------------------------------------------------------------
def add_quiet_dates(
    *, organization: Organization, actor: User, starts_on: date, ends_on: date, why: str = ""
) -> QuietDates:
    _may(actor, organization)
    quiet = QuietDates(organization=organization, starts_on=starts_on, ends_on=ends_on, why=one_line(why, most=200))
    try:
        quiet.full_clean(exclude=["organization"])
    except ValidationError as error:
        raise invalid(error) from error
    with transaction.atomic():
        quiet.save()
        changes = [
            (name, None, plain(getattr(quiet, name)))
            for name in ("starts_on", "ends_on", "why")
            if getattr(quiet, name)
        ]
        record(
            verb="quietdates.created",
            target=quiet,
            actor=actor,
            changes=changes,
            summary=organization.name,
            event={"organization": str(organization.uid)},
        )
    return quiet


def remove_quiet_dates(*, quiet: QuietDates, actor: User) -> AuditEntry | None:
    with transaction.atomic():
        row: QuietDates = find_locked(QuietDates, quiet.uid)
        _may(actor, row.organization)
        if row.removed_at:
            return None
        row.removed_at = timezone.now()
        row.save(update_fields=["removed_at"])
        changes = [("removed_at", None, plain(row.removed_at))]
        return record(
            verb="quietdates.removed",
            target=row,
            actor=actor,
            changes=changes,
            summary=row.organization.name,
            event={},
        )


def restore_quiet_dates(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    row: QuietDates = find_locked(QuietDates, uid)
    _may(actor, row.organization)
    row.removed_at = None if "removed_at" in values else timezone.now()
    row.save(update_fields=["removed_at"])


# --- over it --------------------------------------------------------------------------------------------------------------------
def override_for_mailing(*, mailing: Mailing, organization: Organization, reason: str, actor: User) -> AuditEntry:
    """Write to an institution all the same, with this mailing. Only before it is approved: an approver sees who gets it.

    Raises WrongState after that, Invalid without a reason or where no guard holds anything back.
    """
    with transaction.atomic():
        row = Mailing.objects.select_for_update(no_key=True).get(pk=mailing.pk)
        if row.state not in BEFORE_APPROVAL:
            raise WrongState(_("This mailing is approved already. Take it back to draft first; nothing was changed."))
        override = _override(
            organization=organization, door=GuardOverride.Door.MAILING, mailing=row, reason=reason, actor=actor
        )
        Mailing.objects.filter(pk=row.pk).update(updated_at=timezone.now())  # the kept count is of another audience
        return _told(override, actor)


HOLD = "guard"  # the `source` of tasks that a hold makes


def hold_for_mailing(*, mailing: Mailing, organization: Organization, until: date, who: User, actor: User) -> Task:
    """Write to an institution later: this mailing skips it, and on that day somebody has the task to turn to it.

    Raises NotAllowed unless the actor writes the mailing, Invalid for a day that is past or for who cannot do it. Held twice, the task is
    moved.
    """
    if not Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    if until <= timezone.localdate():
        raise Invalid(_("Choose a day that lies ahead."), code="until")
    if not (who.is_active and who.may(Action.LOG)):
        raise Invalid(
            _("%(name)s cannot turn to it: their role does not handle outreach.") % {"name": who.name}, code="who"
        )
    title = one_line(_("Write to them now: %(mailing)s was held back") % {"mailing": mailing.name})
    with transaction.atomic():
        Mailing.objects.select_for_update(no_key=True).get(pk=mailing.pk)  # two clicks are one task
        known = holds_of(mailing).filter(organization=organization).first()
        if known is not None:
            changes = [
                (n, plain(getattr(known, n)), plain(v))
                for n, v in (("due_on", until), ("assignee", who))
                if getattr(known, n) != v
            ]
            known.due_on, known.assignee = until, who
            known.save(update_fields=["due_on", "assignee", "updated_at"])
            if changes:
                record(
                    verb="task.edited",
                    target=known,
                    actor=actor,
                    changes=changes,
                    event={"fields": [c[0] for c in changes]},
                )
            return known
        return add_task(
            actor=None,
            title=title,
            due_on=until,
            assignee=who,
            organization=organization,
            source=HOLD,
            source_uid=mailing.uid,
        )


def holds_of(mailing: Mailing) -> Any:
    """Open tasks of what was held back from this mailing."""
    return Task.objects.filter(source=HOLD, source_uid=mailing.uid, done_at=None, dropped_at=None)


def override_for(
    *, door: GuardOverride.Door, organization: Organization, about: UUID, conflict: str, reason: str, actor: User
) -> AuditEntry:
    """The same in the log or in a call round, in the caller's transaction."""
    return _told(
        _override(organization=organization, door=door, about=about, conflict=conflict, reason=reason, actor=actor),
        actor,
    )


def _override(
    *, organization: Organization, actor: User, reason: str, conflict: str = "", **values: Any
) -> GuardOverride:
    if not one_line(reason):
        raise Invalid(_("Say why: the reason is kept."), code="reason")
    if not conflict:
        found = conflicts_of([organization.pk], now=timezone.now()).get(organization.pk, [])
        conflict = " · ".join(each.words for each in found if each.is_hard)
        if not conflict:
            raise Invalid(_("Nothing holds us back from %(name)s.") % {"name": organization.label}, code="no_conflict")
    kept = {"conflict": conflict[:300], "reason": one_line(reason), "by": actor}
    if "mailing" in values:
        override, _made = GuardOverride.objects.get_or_create(
            mailing=values["mailing"], organization=organization, ended_at=None, defaults=values | kept
        )
        return override
    return GuardOverride.objects.create(organization=organization, **values, **kept)


def _told(override: GuardOverride, actor: User) -> AuditEntry:
    changes = [("conflict", None, override.conflict), ("reason", None, override.reason)]
    return record(
        verb="guardoverride.created", target=override, actor=actor, changes=changes, summary=override.organization.name,
        event={"organization": str(override.organization.uid), "door": override.door},
    )  # fmt: skip


def restore_override(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of a mailing that is not approved yet the guard holds again; what was said or called cannot be taken back."""
    row: GuardOverride = find_locked(GuardOverride, uid)
    if row.mailing is None:
        raise Conflict(_("They were turned to already; that the guard was gone over stays."), code="not_undoable")
    mailing = Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=row.mailing.pk).first()
    if mailing is None:
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if mailing.state not in BEFORE_APPROVAL:
        raise Conflict(_("This mailing is approved already. Take it back to draft first."), code="not_undoable")
    row.ended_at = timezone.now()
    row.save(update_fields=["ended_at"])
    Mailing.objects.filter(pk=mailing.pk).update(updated_at=timezone.now())
