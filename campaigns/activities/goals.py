"""A drive's objectives and its team: set, changed, taken out. Each is one transaction with one audit entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.models import Objective, TeamMember
from campaigns.activities.saving import check, differences, hold, may_plan, put, refuse_stale, told
from campaigns.activities.states import TeamRole
from campaigns.planning.models import Drive
from contacts.directory.services.editing import lock
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Invalid

OBJECTIVE_FIELDS = ("name", "unit", "baseline", "target", "reached", "reached_on", "due_on")


def create_objective(*, actor: User, drive: Drive, **values: Any) -> Objective:
    """What the drive is to reach. values: OBJECTIVE_FIELDS."""
    with transaction.atomic():
        held = hold(drive)
        may_plan(actor, held)
        objective = Objective(drive=held, **values)
        check(objective)
        objective.save()
        changes = told(objective, OBJECTIVE_FIELDS)
        record(verb="objective.created", target=objective, actor=actor, changes=changes, event={})
    return objective


def edit_objective(
    *, objective: Objective, actor: User, seen_at: datetime | None = None, **values: Any
) -> AuditEntry | None:
    """Change it, or write down what is reached by now. Raises StaleEdit."""
    with transaction.atomic():
        may_plan(actor, hold(objective.drive))
        row: Objective = lock(objective)
        refuse_stale(row, seen_at)
        changed, changes = differences(row, values, OBJECTIVE_FIELDS)
        if not changed:
            return None
        put(row, changed)
        return record(
            verb="objective.edited", target=row, actor=actor, changes=changes, event={"fields": list(changed)}
        )


def archive_objective(*, objective: Objective, actor: User) -> AuditEntry | None:
    """Take it out of the plan; reports that were frozen keep it."""
    with transaction.atomic():
        may_plan(actor, hold(objective.drive))
        row: Objective = lock(objective)
        if row.archived_at:
            return None
        put(row, {"archived_at": timezone.now()})
        changes = [("archived_at", None, str(row.archived_at))]
        return record(verb="objective.archived", target=row, actor=actor, changes=changes, event={})


def add_member(*, actor: User, drive: Drive, user: User, role: TeamRole | str) -> TeamMember:
    """Somebody joins the team in a role; the same twice is refused."""
    with transaction.atomic():
        held = hold(drive)
        may_plan(actor, held)
        if not Drive.objects.visible_to(user).filter(pk=held.pk).exists():
            words = _("%(name)s may not see this drive: an administrator gives the role first. Nothing was saved.")
            raise Invalid(words % {"name": user.name}, code="cannot_see")
        member = TeamMember(drive=held, user=user, role=role)
        check(member)
        member.save()
        changes = [("role", None, str(member.role)), ("user", None, str(user.uid))]
        record(verb="teammember.created", target=member, actor=actor, changes=changes, event={})
    return member


def remove_member(*, member: TeamMember, actor: User) -> AuditEntry | None:
    """Somebody leaves the team. Activities that they own stay theirs until somebody gives them to another."""
    with transaction.atomic():
        may_plan(actor, hold(member.drive))
        row: TeamMember = lock(member)
        if row.removed_at:
            return None
        put(row, {"removed_at": timezone.now()})
        changes = [("removed_at", None, str(row.removed_at))]
        return record(verb="teammember.left", target=row, actor=actor, changes=changes, event={})
