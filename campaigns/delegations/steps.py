"""Practical steps of a delegate, each with a task for whoever sees to it: made when they are accepted, dropped when they do not come."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delegations.models import Composition, DelegationMail, Nomination, Step, StepTemplate
from campaigns.events.models import Event
from campaigns.todo.models import Task
from campaigns.todo.services import add_task, complete_task
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record

SOURCE = "delegation"


def make_steps(row: Nomination, composition: Composition, actor: User) -> list[Step]:
    """Those of the event's steps that they do not have yet. In the caller's transaction. Who sees to them gets a task for each day."""
    event, found = row.delegation.event, []
    known = {step.template_id: step for step in row.steps.select_related("task")}
    begins = event.local(event.starts_at).date()
    chosen = composition.officer
    officer = chosen if chosen and chosen.is_active and chosen.may(Action.SEE) else actor  # who left sees to nothing
    for template in composition.templates.all():
        due_on = _due_on(template, begins)
        step = known.get(template.pk)
        if step is None:
            step = Step.objects.create(
                nomination=row, template=template, titles=template.titles, due_on=due_on, paper=template.paper
            )
        elif step.task and (step.task.done_at or step.task.is_open):
            continue
        step.task = add_task(
            actor=None, assignee=officer, title=f"{step.text('en')}: {row.name} ({row.delegation.label})", due_on=due_on, person=row.person,
            organization=row.organization, source=SOURCE, source_uid=step.uid,
            note=_("For %(event)s. What they told us stands on their page among the delegations.") % {"event": event.label},
        )  # fmt: skip
        step.save(update_fields=["task", "updated_at"])
        found.append(step)
    return found


def _due_on(template: StepTemplate, begins: date) -> date:
    """So many days before the event; who is accepted late has at least tomorrow."""
    return max(begins - timedelta(days=template.days_before), min(timezone.localdate() + timedelta(days=1), begins))


def follow(event: Event) -> None:
    """Listener of events: with another day of the event what is still to be done has another day, and with an event that is called off nothing is
    to be done. In the transaction that changes it."""
    open_steps = Step.objects.open().filter(nomination__delegation__event=event).select_related("task", "template")
    if event.cancelled_at:
        Task.objects.filter(pk__in=open_steps.values("task")).update(
            dropped_at=timezone.now(), updated_at=timezone.now()
        )
        DelegationMail.objects.filter(
            Q(nominator__delegation__event=event) | Q(nomination__delegation__event=event), sent_at=None, closed_at=None
        ).delete()
        return
    begins = event.local(event.starts_at).date()
    for step in open_steps.filter(template__isnull=False):
        due_on = _due_on(step.template, begins) if step.template else step.due_on
        if due_on != step.due_on and step.task:
            step.due_on = step.task.due_on = due_on
            step.save(update_fields=["due_on", "updated_at"])
            step.task.save(update_fields=["due_on", "updated_at"])


def drop_steps(row: Nomination) -> int:
    """Nothing of it is to be done any more. In the caller's transaction."""
    tasks = Task.objects.open().filter(delegate_step__nomination=row)
    return tasks.update(dropped_at=timezone.now(), updated_at=timezone.now())


def add_missing(*, event: Event, actor: User) -> int:
    """Steps that the event asks for by now, for everybody who is accepted; returns how many were made."""
    made = 0
    rows = Nomination.objects.accepted().visible_to(actor).filter(delegation__event=event)
    for row in rows.select_related(
        "delegation__event__composition__officer",
        "delegation__country",
        "delegation__organization",
        "person",
        "organization",
    ):
        with transaction.atomic():
            made += len(make_steps(row, row.delegation.event.composition, actor))
    return made


def finish(*, step: Step, actor: User) -> AuditEntry | None:
    """Staff have seen that it is done."""
    return complete_task(task=step.task, actor=actor) if step.task else None


def tell(*, step: Step, is_done: bool) -> AuditEntry | None:
    """The delegate says that it is done, or that it is not after all; staff close the task. None when they said so before."""
    with transaction.atomic():
        row = Step.objects.select_for_update(of=("self",)).select_related("nomination__delegation").get(pk=step.pk)
        if bool(row.told_at) == is_done:
            return None
        before, row.told_at = row.told_at, timezone.now() if is_done else None
        row.save(update_fields=["told_at", "updated_at"])
        return record(
            verb="step.told", target=row, door=Door.LINK, summary=f"{row.text('en')}: {row.nomination.name}",
            changes=[("told_at", before, row.told_at)], event={"nomination": str(row.nomination.uid)},
        )  # fmt: skip
