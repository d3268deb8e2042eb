"""Events for staff: the list, one with who was invited and who comes, its forms, and the mailings about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.activities.models import Activity
from campaigns.activities.reaching import find_drive
from campaigns.activities.services import become_event
from campaigns.activities.states import Kind
from campaigns.events import answering, mailings, services, signing_up
from campaigns.events.forms import DeclineForm, EventForm, InviteForm, NoteAnswerForm
from campaigns.events.models import Event, EventMailing, Invitation, Registration, SignUp
from campaigns.events.tabs import tabs_of as event_tabs
from campaigns.events.telling import place_of, when_of
from campaigns.forms.engine import builder_url, in_words
from campaigns.planning.forms import refused
from campaigns.planning.models import Drive
from campaigns.planning.tabs import tabs_of
from contacts.consent.addresses import address_key
from contacts.directory.models import ContactPoint
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

Purpose = EventMailing.Purpose
SHOWN = 20  # of those to decide on one page


@requires(Action.SEE)
def event_list(request: StaffRequest) -> HttpResponseBase:
    table = build("events", request)
    context = {"may_plan": request.user.may(Action.DRIVES)}
    return list_page(request, "campaigns/events/event_list.html", table=table, filters=table.filters, **context)


@requires(Action.SEE)
def drive_events(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """The events of one drive, as a page of it."""
    drive = find_drive(request, uid)
    get = request.GET.copy()
    get.setlist("drive", [str(drive.uid)])
    request.GET = get  # type: ignore[assignment]
    table = build("events", request)
    return list_page(
        request, "campaigns/events/event_list.html", table=table, filters=table.filters, drive=drive,
        tabs=tabs_of(drive, "drive_events"), may_plan=request.user.may(Action.DRIVES),
    )  # fmt: skip


@requires(Action.SEE)
def event_detail(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """`?tab=people` shows who comes, `?tab=asked` who signed up and waits for a decision, otherwise who was invited and what they answered."""
    event = _event(request, uid)
    asked = SignUp.objects.visible_to(request.user).filter(event=event).waiting()
    to_decide = asked.count()
    tab = request.GET.get("tab", "")
    tab = tab if tab in ("people", "asked") else "invited"
    seats = Registration.objects.visible_to(request.user).filter(event=event)
    sums = Invitation.objects.visible_to(request.user).filter(event=event).sums()
    waiting, came = seats.waiting().count(), seats.came().count()
    table = build("event_people" if tab == "people" else "event_invitations", request, event=str(uid))
    context: dict[str, Any] = {
        "event": event, "tab": tab, "sums": sums, "waiting": waiting, "said_yes": sums["yes"] + sums["other"], "came": came, "missed": seats.missed().count(),
        "tabs": event_tabs(event, tab, request.user, invited=sums["all"], waiting=waiting, to_decide=to_decide),
        "to_decide": to_decide, **(_asked(request, event, asked) if tab == "asked" else {}),
        "when": when_of(event), "where": place_of(event), "quotas": event.quotas.select_related("constituency").order_by("constituency__position"),
        "letters": event.mailings.select_related("mailing").order_by("mailing__created_at"),
        "may_plan": _may_plan(request, event), "may_write": request.user.may(Action.WRITE),
        "may_log": Event.objects.visible_to(request.user, Action.LOG).filter(pk=event.pk).exists(),
        "may_adopt": request.user.may(Action.EDIT_DIRECTORY),
        "activities": list(Activity.objects.visible_to(request.user).filter(event=event, archived_at=None)),
        "page_url": mailings.page_url(event), "takes_answers": event.takes_answers(),
    }  # fmt: skip
    return list_page(request, "campaigns/events/event_detail.html", table=table, filters=table.filters, **context)


def _asked(request: StaffRequest, event: Event, rows: Any) -> dict[str, Any]:
    """A page of who signed up, with what they answered, and who they are in the directory where their address is known."""
    page = paginate(request, rows.select_related("country"), sort=["confirmed_at", "id"], size=SHOWN)
    keys = {address_key(row.email): row for row in page.rows}
    points = ContactPoint.objects.emails().filter(
        address_key__in=keys, person__archived_at=None, person__erased_at=None
    )
    known: dict[str, list[Any]] = {}
    for point in points.exclude(person=None).select_related("person"):
        known.setdefault(point.address_key, []).append(point.person)
    asked = [
        {
            "row": row, "people": known.get(key, []),
            "told": in_words(event.form, row.answers, language=get_language() or "en") if event.form and row.answers else [],
        }
        for key, row in keys.items()
    ]  # fmt: skip
    return {"asked": asked, "asked_page": page}


@requires(Action.DRIVES)
def event_create(request: StaffRequest) -> HttpResponse:
    """`?drive=` fills it in; `?activity=<uid>`: the activity of a drive that the event is."""
    activity = _activity(request)
    initial = EventForm.for_activity(activity) if activity else {"drive": request.GET.get("drive", "")}
    form = EventForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if form.is_valid():
        try:
            with transaction.atomic():
                event = services.create_event(actor=request.user, **form.values())
                if activity:
                    become_event(activity=activity, event=event, actor=request.user)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is planned. Invite people when its texts are right.") % {"name": event.label})
            return done(request, reverse("event_detail", args=[event.uid]))
    back = reverse("drive_activity", args=[activity.uid]) if activity else reverse("event_list")
    return _form(request, form, _("New event"), back, activity)


def _activity(request: StaffRequest) -> Activity | None:
    asked = request.GET.get("activity", "")
    if not asked:
        return None
    rows = Activity.objects.visible_to(request.user, Action.DRIVES).filter(
        archived_at=None, event=None, kind__in=[Kind.MEETING, Kind.EVENT]
    )
    try:
        return get_object_or_404(rows.select_related("drive"), uid=UUID(asked))
    except ValueError:
        raise Http404 from None


@requires(Action.DRIVES)
def event_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    event = _editable(request, uid)
    form = EventForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=EventForm.initial_of(event)
    )
    back = reverse("event_detail", args=[uid])
    if form.is_valid():
        try:
            entry = services.edit_event(
                event=event, actor=request.user, seen_at=form.cleaned_data["seen_at"], **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": event.label}, undo=entry)
            return done(request, back)
    return _form(request, form, event.label, back)


def _form(
    request: StaffRequest, form: EventForm, title: str, back: str, activity: Activity | None = None
) -> HttpResponse:
    has_drive = Drive.objects.visible_to(request.user, Action.DRIVES).filter(archived_at=None).exists()
    context = {"title": title, "back": back, "has_drive": has_drive, "activity": activity}
    return form_page(request, "campaigns/events/event_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def event_questions(request: StaffRequest, uid: UUID) -> HttpResponse:
    """To where its questions are built."""
    event = _editable(request, uid)
    form = services.ask_questions(event=event, actor=request.user)
    return done(request, builder_url(form))


@requires(Action.DRIVES)
@require_POST
def event_cancel(request: StaffRequest, uid: UUID) -> HttpResponse:
    event = _editable(request, uid)
    entry = services.cancel_event(event=event, actor=request.user)
    text = _("%(name)s is called off. Everybody with a seat or on the waiting list is told.") % {"name": event.label}
    ended = entry.changes.filter(field="mailings").first() if entry else None
    if ended is not None:
        text += " " + _("Cancelled with it, as they invite or remind: %(names)s.") % {
            "names": ", ".join(ended.after or [])
        }
    toast(request, text)
    return done(request, reverse("event_detail", args=[uid]))


@requires(Action.DRIVES)
@require_POST
def event_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    event = _editable(request, uid)
    entry = services.archive_event(event=event, actor=request.user)
    toast(request, _("%(name)s is out of the lists.") % {"name": event.label}, undo=entry)
    return done(request, reverse("event_list"))


# --- mailings ---------------------------------------------------------------------------------------------------------
@requires(Action.WRITE)
def event_write(request: StaffRequest, uid: UUID, purpose: str) -> HttpResponse:
    """A mailing about the event: whom to invite is chosen; the other purposes know their readers."""
    if purpose not in Purpose.values:
        raise Http404
    event = _event(request, uid)
    form = InviteForm(request.POST if request.method == "POST" else None, user=request.user, purpose=purpose)
    if form.is_valid():
        try:
            mailing = mailings.begin_mailing(event=event, actor=request.user, purpose=purpose, **form.cleaned_data)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("A draft is there. Read it, choose a sender, and have it approved."))
            return done(request, reverse("mailing_detail", args=[mailing.uid]))
    context = {
        "title": {
            "invitation": _("Invite"), "reminder": _("Remind who did not answer"), "came": _("Write to those who came"),
            "missed": _("Write to those who did not come"), "news": _("Write to those who have a seat"),
        }[purpose],
        "event": event, "back": reverse("event_detail", args=[uid]), "purpose": purpose,
    }  # fmt: skip
    return form_page(request, "campaigns/events/write_form.html", context, form=form)


# --- answers ----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def invitation_note(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What somebody said on the phone, or to a colleague."""
    rows = Invitation.objects.visible_to(request.user).select_related("event__form", "person", "organization")
    invitation = get_object_or_404(rows, uid=uid)
    if not Invitation.objects.visible_to(request.user, Action.LOG).filter(pk=invitation.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    initial = {"says": invitation.answer, "note": invitation.note}
    form = NoteAnswerForm(request.POST if request.method == "POST" else None, initial=initial)
    back = reverse("event_detail", args=[invitation.event.uid])
    if form.is_valid():
        try:
            answering.answer(invitation=invitation, road=Invitation.Road.STAFF, actor=request.user, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("The answer of %(name)s is noted.") % {"name": invitation.label})
            return done(request, back)
    asked = invitation.event.form
    context = {
        "title": _("Answer of %(name)s") % {"name": invitation.label}, "invitation": invitation, "back": back,
        "told": in_words(asked, invitation.answers, language=get_language() or "en") if asked and invitation.answers else [],
    }  # fmt: skip
    return form_page(request, "campaigns/events/note_form.html", context, form=form)


@requires(Action.LOG)
@require_POST
def registration_leave(request: StaffRequest, uid: UUID) -> HttpResponse:
    rows = Registration.objects.visible_to(request.user).select_related("event", "invitation")
    row = get_object_or_404(rows, uid=uid)
    if not Registration.objects.visible_to(request.user, Action.LOG).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    answering.leave(registration=row, actor=request.user)
    toast(request, _("%(name)s gives the seat back.") % {"name": row.name})
    return done(request, f"{reverse('event_detail', args=[row.event.uid])}?tab=people")


# --- who signed up ----------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
@require_POST
def sign_up_accept(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = _sign_up(request, uid)
    seat = signing_up.accept(row=row, actor=request.user)
    text = _("%(name)s has a seat.") if seat.state == "seat" else _("%(name)s is on the waiting list: no seat is free.")
    toast(request, text % {"name": row.label})
    return done(request, f"{reverse('event_detail', args=[row.event.uid])}?tab=asked")


@requires(Action.DRIVES)
@require_POST
def sign_up_decline(request: StaffRequest, uid: UUID) -> HttpResponse:
    row, form = _sign_up(request, uid), DeclineForm(request.POST)
    back = f"{reverse('event_detail', args=[row.event.uid])}?tab=asked"
    if not form.is_valid():
        toast(request, _("The reason is too long. Nothing was changed."))
        return done(request, back)
    entry = signing_up.decline(row=row, actor=request.user, reason=form.cleaned_data["reason"])
    toast(request, _("%(name)s is declined. The letter leaves in five minutes.") % {"name": row.label}, undo=entry)
    return done(request, back)


def _sign_up(request: StaffRequest, uid: UUID) -> SignUp:
    row: SignUp = get_object_or_404(SignUp.objects.visible_to(request.user).select_related("event"), uid=uid)
    if not SignUp.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return row


# --- who may ----------------------------------------------------------------------------------------------------------
def _event(request: StaffRequest, uid: UUID) -> Event:
    rows = Event.objects.visible_to(request.user).select_related("drive__campaign", "country", "form")
    event: Event = get_object_or_404(rows, uid=uid)
    return event


def _may_plan(request: StaffRequest, event: Event) -> bool:
    return Event.objects.visible_to(request.user, Action.DRIVES).filter(pk=event.pk).exists()


def _editable(request: StaffRequest, uid: UUID) -> Event:
    event = _event(request, uid)
    if not _may_plan(request, event):
        raise NotAllowed(_("You may see this event, but your role does not let you change it."))
    return event
