"""Where a mailing stands and what comes next, for its page, the list and Today."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.approval import content_hash, differences, short, snapshot
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import missing, resumes, why_not_approve
from campaigns.mailings.states import State
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats

COLOURS: dict[State, str] = {
    State.DRAFT: "wait",
    State.IN_REVIEW: "warn",
    State.APPROVED: "blue",
    State.SCHEDULED: "blue",
    State.FREEZING: "blue",
    State.HELD: "bad",
    State.SENDING: "ok",
    State.PAUSED: "warn",
    State.FINISHED: "ok",
    State.CANCELLED: "rest",
}
STAGES = ("write", "check", "approve", "send", "report")
STAGE_OF: dict[State, str] = {
    State.DRAFT: "write",
    State.IN_REVIEW: "approve",
    State.APPROVED: "send",
    State.SCHEDULED: "send",
    State.FREEZING: "send",
    State.HELD: "approve",
    State.SENDING: "send",
    State.PAUSED: "send",
    State.FINISHED: "report",
    State.CANCELLED: "report",
}


@dataclass(frozen=True)
class Button:
    """A link, or (with a verb) a POST that acts on the mailing."""

    label: str
    url: str = ""
    verb: str = ""
    icon: str = ""
    kind: str = ""


@dataclass
class NextStep:
    title: str
    why: str = ""
    kind: str = "blue"
    icon: str = "arrow-right"
    todo: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    label: str
    state: str  # done, current, ahead


def page_url(name: str, mailing: Mailing) -> str:
    """A page of another feature about this mailing; empty while that feature is not there."""
    try:
        return reverse(name, args=[mailing.uid])
    except NoReverseMatch:
        return ""


def topics_url() -> str:
    """Where topics are set up, or the settings page while there is no such place."""
    try:
        return reverse("topic_list")
    except NoReverseMatch:
        return reverse("settings")


def colour(state: str) -> str:
    return COLOURS[State(state)]


def stages(mailing: Mailing) -> list[Stage]:
    labels = [_("Write"), _("Pre-flight"), _("Approve"), _("Send"), _("Report")]
    at = STAGES.index(STAGE_OF[State(mailing.state)])
    if mailing.state == State.CANCELLED:
        at = -1
    return [Stage(label, "done" if i < at else "current" if i == at else "ahead") for i, label in enumerate(labels)]


def may(mailing: Mailing, user: User, action: Action) -> bool:
    """Whether the user may do this to this mailing; asked once a request for each action."""
    known: dict[tuple[int, str], bool] = user.__dict__.setdefault("_mailing_rights", {})
    key = (mailing.pk, action.value)
    if key not in known:
        known[key] = user.may(action) and Mailing.objects.visible_to(user, action).filter(pk=mailing.pk).exists()
    return known[key]


def next_step(mailing: Mailing, user: User) -> NextStep:
    """What this user can do next, and why."""
    return {
        State.DRAFT: _draft,
        State.IN_REVIEW: _in_review,
        State.APPROVED: _approved,
        State.SCHEDULED: _scheduled,
        State.FREEZING: _freezing,
        State.HELD: _held,
        State.SENDING: _sending,
        State.PAUSED: _paused,
        State.FINISHED: _finished,
        State.CANCELLED: _cancelled,
    }[State(mailing.state)](mailing, user)


def _write_button(mailing: Mailing, kind: str = "primary") -> Button:
    return Button(_("Write"), url=reverse("mailing_edit", args=[mailing.uid]), icon="pencil", kind=kind)


def _preflight(mailing: Mailing, label: str, kind: str = "primary") -> list[Button]:
    url = page_url("mailing_preflight", mailing)
    return [Button(label, url=url, icon="checklist", kind=kind)] if url else []


def _report(mailing: Mailing, kind: str = "primary") -> list[Button]:
    url = page_url("mailing_report", mailing)
    return [Button(_("Open the report"), url=url, icon="chart-bar", kind=kind)] if url else []


def _draft(mailing: Mailing, user: User) -> NextStep:
    gaps = missing(mailing)
    step = NextStep(_("Finish writing") if gaps else _("Look at the pre-flight, then ask for approval"), icon="pencil")
    step.todo = [gap[:1].upper() + gap[1:] for gap in gaps]
    if mailing.state_reason:
        step.why, step.kind = mailing.state_reason, "warn"
    elif not gaps:
        step.why = _("The pre-flight says who gets it, who does not and why.")
    if not may(mailing, user, Action.WRITE):
        step.why = step.why or _("It is being written.")
        return step
    if gaps:
        step.buttons = [
            _write_button(mailing),
            Button(_("Settings"), url=reverse("mailing_settings", args=[mailing.uid]), icon="adjustments"),
        ]
    else:
        ask = Button(_("Ask for approval"), verb="ask-review", icon="send")
        step.buttons = [*_preflight(mailing, _("Pre-flight")), ask, _write_button(mailing, "")]
    return step


def _in_review(mailing: Mailing, user: User) -> NextStep:
    asked = mailing.review_asked_by
    why = _("%(who)s asked %(when)s.") % {
        "who": asked.name if asked else _("Somebody"),
        "when": formats.relative(mailing.review_asked_at) if mailing.review_asked_at else "",
    }
    refusal = why_not_approve(mailing, user)
    if not refusal:
        step = NextStep(_("Check it and approve, or send it back"), why, "warn", "shield-check")
        step.buttons = _preflight(mailing, _("Check and approve"))
        return step
    step = NextStep(_("Waiting for an approver"), why, "blue", "hourglass")
    if user.may(Action.APPROVE):
        step.why = f"{why} {refusal}"
    if may(mailing, user, Action.WRITE):
        step.buttons = [
            *_preflight(mailing, _("Pre-flight"), ""),
            Button(_("Take it back to draft"), verb="withdraw-review", icon="arrow-back-up"),
        ]
    return step


def _approved(mailing: Mailing, user: User) -> NextStep:
    by = mailing.approval.approved_by if mailing.approval else None
    why = _("Approved by %(who)s.") % {"who": by.name if by else _("an approver")}
    can = may(mailing, user, Action.SEND)
    if mailing.send_local and mailing.send_at:
        time = _("%(time)s where each recipient is") if mailing.sends_local else "%(time)s"
        shown = _their_time(mailing) if mailing.sends_local else formats.moment(mailing.send_at)
        title = _("Schedule it for %(time)s") % {"time": time % {"time": shown}}
        step = NextStep(title, why, icon="calendar-time")
        if can:
            step.buttons = [Button(_("Schedule"), verb="schedule", icon="calendar-check", kind="primary")]
    else:
        step = NextStep(_("Send it"), why + " " + _("After you press it there are 30 seconds to stop."), icon="send")
        if can:
            step.buttons = [Button(_("Send now"), verb="send", icon="send", kind="primary")]
    step.buttons += _preflight(mailing, _("Pre-flight"), "")
    return step


def _scheduled(mailing: Mailing, user: User) -> NextStep:
    can = may(mailing, user, Action.SEND) or may(mailing, user, Action.PAUSE)
    if mailing.stop_until is not None:
        open_still = mailing.stop_until > timezone.now()
        step = NextStep(
            _("It leaves in a moment"),
            _("Nothing has left yet. You can still stop it without a trace.")
            if open_still
            else _("The audience is being frozen."),
            "warn",
            "clock-pause",
        )
        if can and open_still:
            step.buttons = [Button(_("Stop"), verb="stop", icon="hand-stop", kind="danger")]
        return step
    if mailing.sends_local:
        step = NextStep(
            _("It leaves when it is %(time)s where each recipient is") % {"time": _their_time(mailing)},
            _("The audience is written down at %(time)s for you, when that is so in the first country.")
            % {"time": formats.moment(mailing.send_at) if mailing.send_at else ""},
            icon="calendar-check",
        )
        return _with_scheduled_buttons(step, mailing, can=can)
    step = NextStep(
        _("It leaves %(time)s") % {"time": formats.moment(mailing.send_at) if mailing.send_at else ""},
        _("Local time %(time)s in %(zone)s.")
        % {"time": mailing.send_local.strftime("%H:%M"), "zone": mailing.send_zone}
        if mailing.send_local
        else "",
        icon="calendar-check",
    )
    return _with_scheduled_buttons(step, mailing, can=can)


def _their_time(mailing: Mailing) -> str:
    local = mailing.send_local
    return f"{formats.day(local.date())}, {local:%H:%M}" if local else ""


def _with_scheduled_buttons(step: NextStep, mailing: Mailing, *, can: bool) -> NextStep:
    if can:
        step.buttons = [Button(_("Unschedule"), verb="unschedule", icon="calendar-off")]
    step.buttons += _preflight(mailing, _("Pre-flight"), "")
    return step


def _freezing(mailing: Mailing, user: User) -> NextStep:
    return NextStep(
        _("The audience is being frozen"), _("Who gets it is being written down; then it leaves."), icon="snowflake"
    )


def _held(mailing: Mailing, user: User) -> NextStep:
    refusal = why_not_approve(mailing, user)
    step = NextStep(_("Held: an approver decides"), mailing.state_reason, "bad", "hand-stop")
    if not refusal:
        step.buttons = _preflight(mailing, _("Check and release"))
    if may(mailing, user, Action.SEND):
        step.buttons.append(Button(_("Cancel it"), verb="cancel", icon="x"))
    return step


def _sending(mailing: Mailing, user: User) -> NextStep:
    step = NextStep(_("It is going out"), _("Pausing takes effect within two seconds."), "ok", "send")
    step.buttons = _report(mailing)
    if may(mailing, user, Action.PAUSE):
        step.buttons.append(Button(_("Pause"), verb="pause", icon="player-pause"))
    if may(mailing, user, Action.SEND):
        step.buttons.append(Button(_("Cancel the rest"), verb="cancel", icon="x", kind="danger"))
    return step


def _paused(mailing: Mailing, user: User) -> NextStep:
    title = _("Paused: an approver decides") if mailing.late_since else _("Paused")
    step = NextStep(title, mailing.state_reason, "warn", "player-pause")
    if may(mailing, user, resumes(mailing)):
        step.buttons.append(Button(_("Resume"), verb="resume", icon="player-play", kind="primary"))
    if may(mailing, user, Action.SEND):
        step.buttons.append(Button(_("Cancel the rest"), verb="cancel", icon="x", kind="danger"))
    step.buttons += _report(mailing, "")
    return step


def _finished(mailing: Mailing, user: User) -> NextStep:
    step = NextStep(_("It is done"), _("The report shows what became of each message."), "ok", "circle-check")
    step.buttons = _report(mailing)
    return step


def _cancelled(mailing: Mailing, user: User) -> NextStep:
    step = NextStep(
        _("Cancelled"), _("What had left has left; nothing else will. Duplicate it to start again."), "wait", "ban"
    )
    step.buttons = _report(mailing, "") if mailing.frozen_at else []
    return step


def approval_panel(mailing: Mailing, user: User, *, audience_count: int) -> dict[str, Any]:
    """Context of `campaigns/mailings/_approval.html`: what would be approved, by whom, or why not.

    audience_count: people who would get it, as the page shows them; it is bound to the approval.
    """
    now = content_hash(mailing)
    refusal = why_not_approve(mailing, user)
    is_open = mailing.state == State.IN_REVIEW
    return {
        "mailing": mailing,
        "content_hash": now,
        "short_hash": short(now),
        "audience_count": audience_count,
        "is_open": is_open,
        "is_held": mailing.state == State.HELD,
        "may_approve": not refusal,
        "refusal": refusal,
        "changes": differences(mailing.review_snapshot, snapshot(mailing))
        if is_open and mailing.review_snapshot
        else [],
        "approval": mailing.approval,
        "approved_is_current": bool(mailing.approval and mailing.approval.content_hash == now),
        "may_ask": mailing.state == State.DRAFT and may(mailing, user, Action.WRITE) and not missing(mailing),
    }
