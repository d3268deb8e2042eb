"""What staff do with events: plan, change, call off, invite by hand. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.events.answering import organization_of
from campaigns.events.letters import queue
from campaigns.events.models import (
    Event,
    EventLetter,
    EventMailing,
    Invitation,
    Quota,
    Registration,
    Session,
    wall_clock,
)
from campaigns.events.seats import lock_event, move_up, tell_change
from campaigns.events.signing_up import tell_called_off
from campaigns.forms.models import Form
from campaigns.forms.services import create_form
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import cancel as cancel_mailing
from campaigns.mailings.states import State
from campaigns.mailings.times import to_utc
from campaigns.planning.models import Drive
from contacts.directory.models import Constituency, Organization, Person
from contacts.directory.services.editing import archive_row, find_locked, invalid, plain, restore_fields, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, WrongState

FIELDS = (
    "drive", "kind", "name", "names", "slug", "abouts", "zone", "starts_local", "ends_local", "country", "place", "online_url",
    "capacity", "guests_each", "allows_delegate", "answer_by", "is_public", "sign_ups",
)  # fmt: skip
# what people who have a seat must hear of
TOLD = frozenset({"starts_at", "ends_at", "zone", "place", "country", "online_url"})
About = EventLetter.About


@dataclass(frozen=True)
class Part:
    """A session as it is planned, by the clocks of the event."""

    title: str
    starts_local: datetime
    ends_local: datetime
    place: str = ""


def create_event(
    *, actor: User, sessions: Sequence[Part] = (), quotas: Mapping[Constituency, int] | None = None, **values: Any
) -> Event:
    """Plan an event. values: FIELDS. Raises Invalid for an address that another has, and for clock times that cannot be."""
    event = Event(**values)
    _may_plan(actor, event.drive)
    with transaction.atomic():
        _check(event)
        event.save()
        _set_sessions(event, sessions)
        _set_quotas(event, quotas or {})
        changes: list[Change] = [(f, None, plain(getattr(event, f))) for f in FIELDS if getattr(event, f)]
        record(verb="event.created", target=event, actor=actor, changes=changes, event={})
    return event


def edit_event(
    *,
    event: Event,
    actor: User,
    seen_at: datetime | None = None,
    sessions: Sequence[Part] | None = None,
    quotas: Mapping[Constituency, int] | None = None,
    **values: Any,
) -> AuditEntry | None:
    """Change an event; None when nothing is different. Who has a seat hears of another time or place, with a new calendar entry; more
    seats move up who waits. seen_at: its `updated_at` as the form was opened; else StaleEdit."""
    with transaction.atomic():
        row = lock_event(event)
        if seen_at is not None and row.updated_at != seen_at:
            raise StaleEdit(
                _("Somebody changed this event while you were editing. Your input is kept here; save again to replace theirs."),
                updated_at=row.updated_at,
            )  # fmt: skip
        if row.cancelled_at:
            raise WrongState(_("This event was called off, so nothing was changed."))
        if "drive" in values and values["drive"] != row.drive:
            _may_plan(actor, values["drive"])
        for field in {"starts_local", "ends_local"} & set(values):
            values[field] = wall_clock(values[field])
        changed = {field: value for field, value in values.items() if not same(getattr(row, field), value)}
        changes: list[Change] = [(f, plain(getattr(row, f)), plain(value)) for f, value in changed.items()]
        told = {field: getattr(row, field) for field in TOLD}
        for field, value in changed.items():
            setattr(row, field, value)
        _check(row)
        changes += _parts_changed(row, sessions, quotas)
        if not changes:
            return None
        is_told = any(getattr(row, field) != value for field, value in told.items())
        row.sequence += is_told
        row.save()
        if is_told and not row.is_over:
            _tell(row, About.CHANGED)
        if is_told:
            tell_change(row)
        move_up(row)
        return record(verb="event.edited", target=row, actor=actor, changes=changes, event={})


def _parts_changed(
    row: Event, sessions: Sequence[Part] | None, quotas: Mapping[Constituency, int] | None
) -> list[Change]:
    changes: list[Change] = []
    if sessions is not None and (before := _sessions(row)) != (after := [_line(part) for part in sessions]):
        _set_sessions(row, sessions)
        changes.append(("sessions", before, after))
    if quotas is not None and (was := quotas_of(row)) != (now := {c.code: n for c, n in quotas.items()}):
        _set_quotas(row, quotas)
        changes.append(("quotas", was, now))
    return changes


def _sessions(event: Event) -> list[str]:
    return [_line(row) for row in event.sessions.all()]


def _line(part: Part | Session) -> str:
    return f"{part.starts_local:%Y-%m-%d %H:%M}–{part.ends_local:%H:%M} {part.title} {part.place}".strip()


def quotas_of(event: Event) -> dict[str, int]:
    return dict(event.quotas.values_list("constituency__code", "seats"))


def _set_sessions(event: Event, sessions: Iterable[Part]) -> None:
    event.sessions.all().delete()
    rows = [
        Session(
            event=event, title=part.title, place=part.place, starts_local=wall_clock(part.starts_local),
            ends_local=wall_clock(part.ends_local),
        )
        for part in sessions
    ]  # fmt: skip
    for row in rows:
        try:
            row.full_clean(exclude=["event"])
        except ValidationError as error:
            raise invalid(error) from error
    Session.objects.bulk_create(rows)


def _set_quotas(event: Event, quotas: Mapping[Constituency, int]) -> None:
    """Seats of constituencies; those that are taken by now are counted anew from the registrations. event: locked, or new."""
    seated = event.registrations.seated().exclude(role=Registration.Role.WALK_IN).select_related("constituency")
    by_code = {constituency.code: constituency for constituency in quotas}
    taken = dict.fromkeys(by_code, 0)
    for row in seated:
        if row.constituency:
            code = next((c for c in (row.constituency.code, row.constituency.root_code) if c in taken), None)
            if code:
                taken[code] += 1
    for code, count in taken.items():
        if count > quotas[by_code[code]]:
            raise Invalid(
                _("%(name)s: %(n)s have a seat already, so it cannot be fewer. Nothing was changed.")
                % {"name": by_code[code].label, "n": count},
                code="seats_taken",
            )
    event.quotas.all().delete()
    Quota.objects.bulk_create(
        Quota(event=event, constituency=constituency, seats=seats, taken=taken[constituency.code])
        for constituency, seats in quotas.items()
    )


def _check(event: Event) -> None:
    event.starts_at, event.ends_at = to_utc(event.starts_local, event.zone), to_utc(event.ends_local, event.zone)
    event.starts_local, event.ends_local = wall_clock(event.starts_local), wall_clock(event.ends_local)
    if event.capacity is not None and event.taken > event.capacity:
        raise Invalid(
            _("%(n)s have a seat already, so there cannot be fewer. Nothing was changed.") % {"n": event.taken},
            code="seats_taken",
        )
    try:
        event.full_clean(exclude=["sort_key", "search_text"])
    except ValidationError as error:
        raise invalid(error) from error


def _may_plan(actor: User, drive: Drive) -> None:
    if not Drive.objects.visible_to(actor, Action.DRIVES).filter(pk=drive.pk).exists():
        raise NotAllowed(_("You may not plan events for this drive. Choose another one."))


def _tell(event: Event, about: About) -> None:
    for row in event.registrations.active().select_related("invitation"):
        if row.state == "seat" or about == About.CANCELLED:
            queue(row, about)


def ask_questions(*, event: Event, actor: User) -> Form:
    """The event's form, which staff fill with questions; a new one when it asks nothing yet."""
    with transaction.atomic():
        row = lock_event(event)
        if row.form is not None:
            return row.form
        form = create_form(
            actor=actor, campaign=row.drive.campaign, purpose=Form.Purpose.REGISTRATION, name=row.name, names=row.names,
            slug=f"{row.slug[:45]}-{str(row.uid)[-8:]}",
        )  # fmt: skip
        row.form = form
        row.save(update_fields=["form", "updated_at"])
        event.form = form
        record(verb="event.asks", target=row, actor=actor, changes=[("form", None, str(form.uid))], event={})
    return form


def cancel_event(*, event: Event, actor: User) -> AuditEntry | None:
    """Call it off: everybody who has a seat or waits is told, and calendars drop it. Mailings that invite or remind end with it: what has
    left has left. None when it was so already."""
    with transaction.atomic():
        # before the event: who freezes a mailing holds it, then invites its audience, which waits for the event's lock
        inviting = list(mailings_to_end(event).select_for_update(of=("self",)).order_by("pk"))
        row = lock_event(event)
        if row.cancelled_at:
            return None
        if row.is_over:
            raise WrongState(_("This event is over, so it cannot be called off."))
        row.cancelled_at = timezone.now()
        row.sequence += 1
        row.save(update_fields=["cancelled_at", "sequence", "updated_at"])
        _tell(row, About.CANCELLED)
        tell_called_off(row)
        tell_change(row)
        for mailing in inviting:
            cancel_mailing(mailing=mailing, actor=actor)
        event.cancelled_at = row.cancelled_at
        changes: list[Change] = [("cancelled_at", None, plain(row.cancelled_at))]
        if inviting:
            changes.append(("mailings", None, [mailing.name for mailing in inviting]))
        return record(verb="event.cancelled", target=row, actor=actor, changes=changes, event={})


def mailings_to_end(event: Event) -> QuerySet[Mailing]:
    """Mailings that invite or remind and could still leave, or go on leaving."""
    asks = [EventMailing.Purpose.INVITATION, EventMailing.Purpose.REMINDER]
    bound = Mailing.objects.filter(pk__in=event.mailings.filter(purpose__in=asks).values("mailing_id"))
    return bound.exclude(state__in=[State.FINISHED, State.CANCELLED])


def archive_event(*, event: Event, actor: User) -> AuditEntry | None:
    """Take it out of lists; its page closes. What people answered stays."""
    return archive_row(target=event, actor=actor, verb="event.archived")


def restore_event(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of an edit, or of archiving. Sessions and seats of constituencies are set anew by hand."""
    row = find_locked(Event, uid)
    if not Event.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "name" in values and values["name"] is None:  # it was made by this entry
        if row.invitations.exists():
            raise Conflict(
                _("People were invited since, so it was left as it is. Call it off instead."), code="has_invitations"
            )
        archive_row(target=row, actor=actor, verb="event.archived")
        return
    if TOLD_FIELDS & set(values):
        raise Conflict(
            _("People may have been told of this, so it was left as it is. Change it on its page."), code="told"
        )
    restore_fields(row, dict(values), expected)


TOLD_FIELDS = frozenset(
    {"starts_local", "ends_local", "zone", "place", "country", "online_url", "drive", "sessions", "quotas", "capacity"}
)


def invite(
    *, event: Event, actor: User, people: Iterable[Person] = (), organizations: Iterable[Organization] = ()
) -> list[Invitation]:
    """Put people on the list by hand; who is on it already stays as they are. No mail goes by this alone."""
    made: list[Invitation] = []
    with transaction.atomic():
        row = lock_event(event)
        for owner in [{"person": person} for person in people] + [
            {"organization": o, "person": None} for o in organizations
        ]:
            subject: Any = owner["person"] or owner.get("organization")
            defaults = {"language": subject.language}
            if owner["person"]:
                defaults["organization"] = organization_of(subject)
            invitation, is_new = Invitation.objects.get_or_create(event=row, **owner, defaults=defaults)
            if is_new:
                made.append(invitation)
                record(
                    verb="invitation.made", target=invitation, actor=actor, summary=invitation.label,
                    changes=[("event", None, str(row.uid))], event={"event": str(row.uid)},
                )  # fmt: skip
    return made
