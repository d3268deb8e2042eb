"""The life of a mailing: each verb is one locked, audited move by the table in `states.py`.

Pressing a button twice does nothing twice: a verb whose move has happened already returns the mailing as it is.
Other features hear of moves through `on_move`, inside the transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.mailings.approval import differences, hash_of, snapshot
from campaigns.mailings.body import pictures_without_words
from campaigns.mailings.compiling import writing_of, writing_problems
from campaigns.mailings.hours import places_of, span
from campaigns.mailings.models import Approval, Mailing
from campaigns.mailings.states import MOVES, State
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState

STOP_WINDOW = timedelta(seconds=30)
Listener = Callable[[Mailing, State, State], None]
_LISTENERS: list[Listener] = []


def on_move(listener: Listener) -> Listener:
    """Have `listener(mailing, before, after)` called in the transaction of each move."""
    if listener not in _LISTENERS:
        _LISTENERS.append(listener)
    return listener


def move(*, mailing: Mailing, to: State, actor: User | None = None, reason: str = "", **values: Any) -> Mailing:
    """Move a mailing by the table, under a row lock; WrongState when the table has no such move.

    reason: in plain words, needed for held and paused. values: fields set in the same update (frozen_at, …).
    """
    with transaction.atomic():
        row = locked(mailing)
        return _move(row, to, actor=actor, reason=reason, **values)


def locked(mailing: Mailing) -> Mailing:
    return Mailing.objects.select_for_update().get(pk=mailing.pk)


def _move(row: Mailing, to: State, *, actor: User | None, reason: str = "", **values: Any) -> Mailing:
    before = State(row.state)
    if to not in MOVES[before]:
        raise WrongState(
            _("“%(name)s” is %(state)s, so this cannot be done now. Reload the page to see where it stands.")
            % {"name": row.name, "state": before.label},
            state=before.value,
        )
    row.state, row.state_reason, row.late_since = to, reason[:300], None
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=["state", "state_reason", "late_since", "updated_at", *values])
    record(
        verb=f"mailing.{to}",
        target=row,
        actor=actor,
        changes=[("state", before, to)],
        summary=reason,
        event={"name": row.name, "from": before.value, "to": to.value, "reason": reason},
    )
    for listener in _LISTENERS:
        listener(row, before, to)
    return row


def _expect(row: Mailing, *states: State) -> None:
    """A verb begins in these states only: the table also has moves of other verbs, which other people may make."""
    if row.state not in states:
        raise WrongState(
            _("“%(name)s” is %(state)s, so this cannot be done now. Reload the page to see where it stands.")
            % {"name": row.name, "state": State(row.state).label},
            state=row.state,
        )


def _allow(mailing: Mailing, actor: User, *actions: Action) -> None:
    if not any(Mailing.objects.visible_to(actor, action).filter(pk=mailing.pk).exists() for action in actions):
        raise NotAllowed(_("Your role does not allow this for this mailing. An administrator can change it."))


# --- review and approval ----------------------------------------------------------------------------------------
def missing(mailing: Mailing) -> list[str]:
    """What a mailing still needs before anybody can look it over, in words."""
    found = [
        text
        for is_set, text in [
            (mailing.segment_id, _("choose a segment")),
            (mailing.sender_id, _("choose a sender")),
            (mailing.topic_id, _("choose a topic")),
            (mailing.transport_id, _("choose a transport")),
        ]
        if not is_set
    ]
    if mailing.sender and not mailing.sender.is_confirmed:
        found.append(
            _("have the address %(email)s confirmed, or choose another sender") % {"email": mailing.sender.email}
        )
    variants = list(mailing.variants.all())
    if not variants:
        found.append(_("add a language"))
    for variant in variants:
        if not variant.subject.strip():
            found.append(_("write a subject (%(language)s)") % {"language": variant.language})
        if not variant.body_html.strip():
            found.append(_("write a body (%(language)s)") % {"language": variant.language})
    return found


def expect_confirmed_sender(row: Mailing) -> None:
    """Mail never leaves in the name of an address whose reader did not agree to it."""
    if row.sender is not None and not row.sender.is_confirmed:
        raise Invalid(
            _(
                "Nobody has confirmed that %(email)s may be used to send, so this cannot go on. An administrator can"
                " send the confirmation mail again, on Settings, Senders."
            )
            % {"email": row.sender.email},
            code="sender_unconfirmed",
        )


def ask_review(*, mailing: Mailing, actor: User) -> Mailing:
    """Ask for approval; Invalid when something is missing or a template would be refused."""
    _allow(mailing, actor, Action.WRITE)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.IN_REVIEW:
            return row
        gaps = missing(row)
        if gaps:
            raise Invalid(_("Before it can be approved: %(gaps)s.") % {"gaps": "; ".join(gaps)}, code="incomplete")
        for variant in row.variants.all():
            problems = writing_problems(writing_of(variant))
            if problems:
                raise Invalid(f"{variant.language}: {problems[0]}", code="template_refused")
            if n := pictures_without_words(variant.body_html):
                raise Invalid(
                    ngettext(
                        "%(n)s picture has no words (%(language)s). Say what it shows: many programs hide pictures.",
                        "%(n)s pictures have no words (%(language)s). Say what they show: many programs hide pictures.",
                        n,
                    )
                    % {"n": n, "language": variant.language},
                    code="picture_without_words",
                )
        return _move(
            row,
            State.IN_REVIEW,
            actor=actor,
            review_asked_at=timezone.now(),
            review_asked_by=actor,
            review_snapshot=snapshot(row),
        )


def withdraw_review(*, mailing: Mailing, actor: User) -> Mailing:
    _allow(mailing, actor, Action.WRITE)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.DRAFT:
            return row
        _expect(row, State.IN_REVIEW)
        return _move(row, State.DRAFT, actor=actor)


def why_not_approve(mailing: Mailing, user: User) -> str:
    """Why this user may not approve this mailing, as a sentence; empty when he may."""
    if not Mailing.objects.visible_to(user, Action.APPROVE).filter(pk=mailing.pk).exists():
        return _("Only an approver can approve.")
    if user.pk in mailing.edited_since_approval and not Installation.current().allow_self_approval:
        return _("You changed this mailing since it was last approved, so somebody else must approve it.")
    return ""


def approve(*, mailing: Mailing, actor: User, content_hash: str, audience_count: int) -> Mailing:
    """Approve exactly what the approver saw.

    content_hash, audience_count: those of the page he approves from. Conflict when the content changed meanwhile;
    its `data["changes"]` says what.
    """
    with transaction.atomic():
        row = locked(mailing)
        if _is_approved_as(row, content_hash, actor):
            return row
        refusal = why_not_approve(row, actor)
        if refusal:
            raise NotAllowed(refusal)
        expect_confirmed_sender(row)
        now = snapshot(row)
        if hash_of(now) != content_hash:
            changes = differences(row.review_snapshot, now) or [_("its content")]
            raise Conflict(
                _("It changed while you looked at it: %(changes)s. Nothing was approved. Look again, then approve.")
                % {"changes": "; ".join(changes)},
                code="content_changed",
                changes=changes,
            )
        approval = Approval.objects.create(
            mailing=row,
            content_hash=content_hash,
            snapshot=now,
            audience_count=audience_count,
            approved_by=actor,
        )
        return _move(row, State.APPROVED, actor=actor, approval=approval, edited_since_approval=[])


def _is_approved_as(row: Mailing, content_hash: str, actor: User) -> bool:
    approval = row.approval
    return bool(
        row.state in (State.APPROVED, State.SCHEDULED)
        and approval
        and approval.content_hash == content_hash
        and approval.approved_by_id == actor.pk
    )


def reject(*, mailing: Mailing, actor: User, comment: str) -> Mailing:
    """Send it back to its editors with a comment, which they see on the mailing's page."""
    _allow(mailing, actor, Action.APPROVE)
    if not comment.strip():
        raise Invalid(_("Say what should change, so that the editors know."), code="comment_missing")
    with transaction.atomic():
        row = locked(mailing)
        if row.state != State.IN_REVIEW:
            raise WrongState(_("It is no longer in review, so there is nothing to send back."), state=row.state)
        return _move(row, State.DRAFT, actor=actor, reason=comment.strip())


# --- sending ----------------------------------------------------------------------------------------------------
def schedule(*, mailing: Mailing, actor: User) -> Mailing:
    """Let it leave at the time that was approved with it."""
    _allow(mailing, actor, Action.SEND)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.SCHEDULED and row.stop_until is None:
            return row
        _expect(row, State.APPROVED)
        expect_confirmed_sender(row)
        if row.send_local is None or row.send_at is None:
            raise Invalid(_("It has no time yet. Set one, or press Send now."), code="no_time")
        now = timezone.now()
        ends = span(row.send_local.replace(tzinfo=None), places_of(row))[1] if row.sends_local else row.send_at
        if ends <= now:
            raise Invalid(
                _("Its time (%(time)s) has passed. Set a new one; it must then be approved again.")
                % {"time": date_format(timezone.localtime(ends), "j M Y H:i")},
                code="time_passed",
            )
        # where its local time has passed already, it is for the next day: it begins now
        begins = max(row.send_at, now) if row.sends_local else row.send_at
        return _move(row, State.SCHEDULED, actor=actor, stop_until=None, send_at=begins)


def send_now(*, mailing: Mailing, actor: User) -> Mailing:
    """Let it leave after the 30-second window in which it can be stopped. Pressing it twice sends once."""
    _allow(mailing, actor, Action.SEND)
    with transaction.atomic():
        row = locked(mailing)
        if row.stop_until is not None and row.state not in (State.APPROVED, State.DRAFT):
            return row
        _expect(row, State.APPROVED)
        expect_confirmed_sender(row)
        if row.send_local is not None:
            raise Invalid(
                _("It was approved for a set time. Press Schedule, or remove the time and have it approved again."),
                code="has_time",
            )
        now = timezone.now()
        return _move(row, State.SCHEDULED, actor=actor, send_at=now, stop_until=now + STOP_WINDOW)


def stop(*, mailing: Mailing, actor: User) -> Mailing:
    """Take Send now back within its window: nothing has left, and the approval still holds."""
    _allow(mailing, actor, Action.SEND, Action.PAUSE)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.APPROVED:
            return row
        if row.state != State.SCHEDULED or row.stop_until is None:
            raise WrongState(_("It is too late to stop it without a trace. You can pause or cancel it."))
        return _move(row, State.APPROVED, actor=actor, send_at=None, stop_until=None)


def unschedule(*, mailing: Mailing, actor: User) -> Mailing:
    """Back to approved: it does not leave until somebody schedules it again."""
    _allow(mailing, actor, Action.SEND, Action.PAUSE)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.APPROVED:
            return row
        _expect(row, State.SCHEDULED)
        return _move(row, State.APPROVED, actor=actor, stop_until=None)


def pause(*, mailing: Mailing, actor: User | None = None, reason: str = "", anew: bool = False) -> Mailing:
    """Stop claiming deliveries; what is in flight arrives. By a person, or by the engine with its reason.

    A person's pause takes the place of the engine's, which would have ended by itself. anew: so does this one of the engine's.
    """
    if actor is not None:
        _allow(mailing, actor, Action.PAUSE)
    with transaction.atomic():
        row = locked(mailing)
        why = reason or _("Paused by %(who)s") % {"who": actor.name if actor else _("the system")}
        if row.state != State.PAUSED:
            return _move(row, State.PAUSED, actor=actor, reason=why)
        why = why[:300]
        if (anew or actor is not None) and row.state_reason != why:
            changes = [("state_reason", row.state_reason, why)]
            row.state_reason = why
            row.save(update_fields=["state_reason", "updated_at"])
            record(verb="mailing.paused", target=row, actor=actor, changes=changes, summary=why)
            for listener in _LISTENERS:
                listener(row, State.PAUSED, State.PAUSED)
        return row


def pause_as_late(*, mailing: Mailing, since: datetime, reason: str) -> Mailing:
    """Pause it, or say so of one that is paused, until an approver resumes it. since: when the last of it could leave."""
    with transaction.atomic():
        row = pause(mailing=mailing, reason=reason, anew=True)
        row.late_since = since
        row.save(update_fields=["late_since"])
        return row


def resumes(mailing: Mailing) -> Action:
    """What one must be allowed to resume it: what is too late waits for an approver, like what is held."""
    return Action.APPROVE if mailing.late_since else Action.SEND


def resume(*, mailing: Mailing, actor: User) -> Mailing:
    _allow(mailing, actor, Action.SEND, Action.APPROVE)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.SENDING:
            return row
        _expect(row, State.PAUSED)
        _allow(row, actor, resumes(row))
        return _move(row, State.SENDING, actor=actor)


def cancel(*, mailing: Mailing, actor: User) -> Mailing:
    """End it. What has left has left; the rest never does."""
    draft = mailing.state in (State.DRAFT, State.IN_REVIEW)
    _allow(mailing, actor, Action.WRITE if draft else Action.SEND)
    with transaction.atomic():
        row = locked(mailing)
        if row.state == State.CANCELLED:
            return row
        return _move(row, State.CANCELLED, actor=actor, finished_at=timezone.now())


def hold(*, mailing: Mailing, reason: str) -> Mailing:
    """Set it aside for an approver: it is late, or its audience or content is not the one approved."""
    with transaction.atomic():
        row = locked(mailing)
        return row if row.state == State.HELD else _move(row, State.HELD, actor=None, reason=reason)


def release_held(*, mailing: Mailing, actor: User, audience_count: int, content_hash: str = "") -> Mailing:
    """An approver lets a held mailing go, with the audience as it is now: a fresh approval, leaving at once.

    audience_count: people who would get it, as shown to the approver; content_hash: of the page he releases it from
    (Conflict when the content, its segment or its lists changed meanwhile).
    """
    with transaction.atomic():
        row = locked(mailing)
        if row.state in (State.SCHEDULED, State.FREEZING, State.SENDING):
            return row
        _expect(row, State.HELD)
        refusal = why_not_approve(row, actor)
        if refusal:
            raise NotAllowed(refusal)
        expect_confirmed_sender(row)
        now = snapshot(row)
        if content_hash and hash_of(now) != content_hash:
            raise Conflict(
                _("It changed while you looked at it. Nothing was released. Look again, then release it."),
                code="content_changed",
            )
        approval = Approval.objects.create(
            mailing=row,
            content_hash=hash_of(now),
            snapshot=now,
            audience_count=audience_count,
            approved_by=actor,
        )
        return _move(
            row, State.SCHEDULED, actor=actor, approval=approval, send_at=timezone.now(), edited_since_approval=[]
        )
