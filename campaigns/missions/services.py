"""Mission reports: begun, kept while they are written, filed in one transaction, taken back as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.services import make_commitment
from campaigns.interactions.services import log_interaction
from campaigns.interactions.words import notes, one_line
from campaigns.missions.models import Mission, MissionMeeting
from campaigns.planning.models import Drive
from campaigns.positions.ladder import EvidenceKind, Stance
from campaigns.positions.models import Ask
from campaigns.positions.services import record_step
from campaigns.todo.services import add_task
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import find_locked, invalid, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import is_undoable, record, undo
from crm.errors import Conflict, DomainError, Invalid, NotAllowed, StaleEdit
from crm.ids import new_uid

FIELDS = ("title", "starts_on", "ends_on", "drive", "summary")
MOST_DRAFT = 2_000_000  # characters: who writes more has a document
MOST_MEETINGS = 30
NOON = time(12)


# --- what a report is made of -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Heard:
    """Where they stand on an ask; without evidence of its own, what was heard at the meeting shows it."""

    ask: Ask
    stance: Stance
    evidence: str = ""


@dataclass(frozen=True)
class Promised:
    text: str
    due_on: date
    ask: Ask | None = None


@dataclass(frozen=True)
class Next:
    title: str
    due_on: date
    assignee: User | None = None


@dataclass(frozen=True)
class Met:
    """One meeting. key: its name in the form, so that an error finds its way back."""

    key: str
    on: date
    people: Sequence[Person] = ()
    organizations: Sequence[Organization] = ()
    text: str = ""
    heard: Sequence[Heard] = ()
    promised: Sequence[Promised] = ()
    following: Sequence[Next] = field(default=())


# --- the draft --------------------------------------------------------------------------------------------------------------
def start_mission(
    *, actor: User, title: str, starts_on: date, ends_on: date, drive: Drive | None = None, form_key: UUID | None = None
) -> Mission:
    """Begin a draft. form_key: one form begins one, however often it is sent."""
    if form_key and (known := Mission.objects.filter(form_key=form_key, author=actor).first()):
        return known
    row = Mission(
        title=one_line(title, most=200), starts_on=starts_on, ends_on=ends_on, drive=drive, author=actor,
        form_key=form_key or new_uid(),
    )  # fmt: skip
    _check(row)
    try:
        with transaction.atomic():
            row.save()
            changes = [(name, None, plain(getattr(row, name))) for name in FIELDS if getattr(row, name)]
            record(verb="mission.started", target=row, actor=actor, changes=changes)
    except IntegrityError:  # the other half of a double click was quicker
        known = Mission.objects.filter(form_key=row.form_key, author=actor).first()
        if known is None:
            raise
        return known
    return row


def _check(row: Mission) -> None:
    try:
        row.full_clean(exclude=["author", "drive", "form_key"])
    except ValidationError as error:
        raise invalid(error) from error


def keep_draft(
    *,
    mission: Mission,
    actor: User,
    data: Mapping[str, list[str]],
    header: Mapping[str, Any],
    version: int,
    tab: UUID | None,
) -> Mission:
    """Put away what was typed so far, finished or not. It is its author's paper: no entry of the trail for each key stroke.

    header: those of FIELDS that can be used already. Raises StaleEdit when another page kept it since `version`.
    """
    text = json.dumps(data, ensure_ascii=False).replace("\\u0000", "")
    if len(text) > MOST_DRAFT:
        raise Invalid(
            _("This report has more than two million characters. What was kept before is still there."), code="too_long"
        )
    with transaction.atomic():
        row = _own(mission, actor)
        if row.version != version and (tab is None or row.tab != tab):
            raise StaleEdit(
                _("Another tab or device kept this report since. What you typed is here still; keep it again to replace theirs."),
                field="version", current=row.version,
            )  # fmt: skip
        for name in FIELDS:
            setattr(row, name, header.get(name, getattr(row, name)))
        row.draft, row.version, row.tab = text, row.version + 1, tab
        _check(row)
        row.save()
    return row


def _own(mission: Mission, actor: User) -> Mission:
    """The draft, held; of its author alone."""
    row: Mission = find_locked(Mission, mission.uid)
    if not row.is_draft or row.discarded_at:
        raise Conflict(_("This report is filed or discarded already. Nothing was changed."), code="not_a_draft")
    if row.author_id != actor.pk:
        raise NotAllowed(_("Only who writes a report may change its draft."))
    return row


def discard_mission(*, mission: Mission, actor: User) -> AuditEntry:
    """Not wanted any more; Undo has it back with all that was typed."""
    with transaction.atomic():
        row = _own(mission, actor)
        row.discarded_at = timezone.now()
        row.save(update_fields=["discarded_at", "updated_at"])
        changes = [("discarded_at", None, plain(row.discarded_at))]
        return record(verb="mission.discarded", target=row, actor=actor, changes=changes)


# --- filing -----------------------------------------------------------------------------------------------------------------
def file_mission(
    *, mission: Mission, actor: User, meetings: Sequence[Met], override_reason: str = ""
) -> AuditEntry | None:
    """Log all of it: meetings, positions, promises, next steps. All or nothing. None when it is filed already.

    A refusal of one of the services says in `data["meeting"]` which meeting it is about.
    """
    if not meetings:
        raise Invalid(_("A report needs at least one meeting. The draft is kept."), code="no_meeting")
    if len(meetings) > MOST_MEETINGS:
        raise Invalid(
            _("Thirty meetings are the most of one report. The draft is kept; make two of it."), code="too_many"
        )
    with transaction.atomic():
        row: Mission = find_locked(Mission, mission.uid)
        if row.state == Mission.State.FILED:
            return None
        row = _own(mission, actor)
        made: list[UUID] = []
        for place, met in enumerate(sorted(meetings, key=lambda each: each.on), start=1):
            try:
                made += _file_one(row, place, met, actor, override_reason)
            except DomainError as error:
                error.data["meeting"] = met.key
                raise
        row.state, row.filed_at = Mission.State.FILED, timezone.now()
        row.save(update_fields=["state", "filed_at", "updated_at"])
        entries = AuditEntry.objects.filter(object_uid__in=made, actor=actor).order_by("pk")
        changes = [
            ("state", Mission.State.DRAFT.value, Mission.State.FILED.value),
            ("entries", None, [str(uid) for uid in entries.values_list("uid", flat=True)]),
        ]
        return record(verb="mission.filed", target=row, actor=actor, changes=changes, event={"meetings": len(meetings)})


def report_trip(
    *, actor: User, summary: str = "", meetings: Sequence[Met], override_reason: str = "", **head: Any
) -> Mission:
    """Begin a report and file it, in one transaction: for a program, which has no draft to come back to. head: as `start_mission` takes.

    The draft holds what the form would have, so that taking the filing back leaves everything there to mend.
    """
    with transaction.atomic():
        mission = start_mission(actor=actor, **head)
        mission.summary = notes(summary)
        mission.draft = json.dumps(_as_typed(mission, meetings), ensure_ascii=False)
        mission.save(update_fields=["summary", "draft", "updated_at"])
        file_mission(mission=mission, actor=actor, meetings=meetings, override_reason=override_reason)
    mission.refresh_from_db()
    return mission


def _as_typed(mission: Mission, meetings: Sequence[Met]) -> dict[str, list[str]]:
    """The same report in the fields of its form (campaigns.missions.forms)."""
    drive = [str(mission.drive.uid)] if mission.drive else []
    typed = {
        "title": [mission.title], "starts_on": [mission.starts_on.isoformat()], "ends_on": [mission.ends_on.isoformat()],
        "drive": drive, "summary": [mission.summary], "meeting": [met.key for met in meetings],
    }  # fmt: skip
    for met in meetings:
        of: dict[str, list[str]] = {
            "parties": [f"organization:{row.uid}" for row in met.organizations] + [f"person:{row.uid}" for row in met.people],
            "on": [met.on.isoformat()], "text": [met.text],
        }  # fmt: skip
        for n, heard in enumerate(met.heard):
            of |= {
                f"p{n}_ask": [str(heard.ask.uid)],
                f"p{n}_stance": [str(heard.stance.value)],
                f"p{n}_evidence": [heard.evidence],
            }
        for n, promise in enumerate(met.promised):
            ask = [str(promise.ask.uid)] if promise.ask else []
            of |= {f"c{n}_text": [promise.text], f"c{n}_due_on": [promise.due_on.isoformat()], f"c{n}_ask": ask}
        for n, step in enumerate(met.following):
            who = [str(step.assignee.uid)] if step.assignee else []
            of |= {f"s{n}_title": [step.title], f"s{n}_due_on": [step.due_on.isoformat()], f"s{n}_who": who}
        typed |= {f"{met.key}-{name}": values for name, values in of.items()}
    return typed


def _file_one(row: Mission, place: int, met: Met, actor: User, override_reason: str) -> list[UUID]:
    """One meeting with what came of it; the uids of everything that was made."""
    noon = timezone.make_aware(datetime.combine(met.on, NOON))
    is_today = met.on == timezone.localdate()
    logged = log_interaction(
        actor=actor, kind="meeting", people=met.people, organizations=met.organizations, text=notes(met.text),
        at=min(noon, timezone.now()) if is_today else noon, override_reason=override_reason,
    ).interaction  # fmt: skip
    meeting = MissionMeeting.objects.create(mission=row, place=place, interaction=logged)
    made: list[UUID] = [logged.uid]
    # those whom it was with, for who met only people met their institution
    place_met, person = logged.organization, logged.person
    if (met.heard or met.promised) and place_met is None:
        raise Invalid(_("These people stand for no institution that we know. Add the institution, so that positions and promises have a home."), code="no_institution")  # fmt: skip
    for each in met.heard:
        step = record_step(
            organization=_sure(place_met), ask=each.ask, actor=actor, stance=each.stance, on=met.on,
            evidence_kind=EvidenceKind.MEETING, evidence=each.evidence or met.text, said_by=person, interaction=logged,
        )  # fmt: skip
        made.append(step.uid)
    for promise in met.promised:
        drive = promise.ask.drive if promise.ask else row.drive
        if drive is None:
            raise Invalid(_("Say on which ask a promise is, or of which drive the trip was."), code="no_drive")
        promised = make_commitment(
            organization=_sure(place_met), drive=drive, actor=actor, text=promise.text, due_on=promise.due_on,
            made_on=met.on, ask=promise.ask, promised_by=person, owner=actor, evidence=_("Mission: %(title)s") % {"title": row.title},
        )  # fmt: skip
        meeting.commitments.add(promised)
        made.append(promised.uid)
    for following in met.following:
        task = add_task(
            actor=actor, title=following.title, due_on=following.due_on, assignee=following.assignee,
            organization=place_met, person=person, interaction=logged,
        )  # fmt: skip
        made.append(task.uid)
    return made


def _sure(place: Organization | None) -> Organization:
    assert place is not None  # noqa: S101 looked at before
    return place


# --- undo -------------------------------------------------------------------------------------------------------------------
def restore_mission(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of filing: everything that it made is taken back, each by its own feature, and the draft is there again. All or nothing."""
    row: Mission = find_locked(Mission, uid)
    if row.author_id != actor.pk and not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("Only who wrote a report may take this back. It was left as it is."))
    if "state" in values:
        if row.state != expected["state"]:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        for entry in AuditEntry.objects.filter(uid__in=expected.get("entries") or []).order_by("-pk"):
            if is_undoable(entry):
                undo(entry=entry, actor=actor)
        row.meetings.all().delete()
        row.state, row.filed_at = Mission.State.DRAFT, None
    elif "discarded_at" in values:
        row.discarded_at = None
    else:  # of starting it
        if not row.is_draft:
            raise Conflict(_("It was filed since. Take the filing back first."), code="changed_since")
        row.discarded_at = timezone.now()
    row.save(update_fields=["state", "filed_at", "discarded_at", "updated_at"])
