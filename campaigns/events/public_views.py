"""Public pages of events: the event itself, the answer to an invitation, one's own seat. No account, no cookie, no script; GET changes nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from campaigns.events import answering, links, signing_up
from campaigns.events.forms import AnswerForm, SignUpForm
from campaigns.events.mailings import page_url
from campaigns.events.models import Event, Invitation, SignUp
from campaigns.events.telling import place_of, sessions_of, when_of
from campaigns.forms.answering import AnswersForm
from campaigns.forms.engine import answers_form, keep_files
from crm.accounts.rules import public
from crm.errors import DomainError
from crm.limits import allow, allow_from
from crm.ui.public import LANGUAGES, by_link, language_of, private, public_page

FOLDER = "campaigns/events/public/"
MINUTES = 5
TRIES, WINDOW_SECONDS = 60, 3600  # from one network of addresses; a ministry behind one answers many invitations
NAMED = 5  # how often in a day somebody else can be named to come


@public
@require_safe
@gzip_page
def event_page(request: HttpRequest, slug: str) -> HttpResponse:
    """What it is, when and where, for everybody."""
    with translation.override(language_of(request)):
        rows = Event.objects.open_to_all().select_related("drive__campaign", "country")
        event = rows.filter(slug=slug).first()
        if event is None:
            return _plain(request, "gone", status=404)
        own = page_url(event)
        answer = _plain(
            request, "event", **_told(event), own_url=own, signs_up=event.takes_sign_ups(), alternates=[(code, f"{own}?lang={code}") for code in LANGUAGES]
        )  # fmt: skip
    patch_cache_control(answer, public=True, max_age=MINUTES * 60)
    patch_vary_headers(answer, ["Accept-Language"])
    return answer


# --- who has no invitation --------------------------------------------------------------------------------------------
@public
@csrf_exempt  # no account and no cookie: there is nothing that another site could ride on
def event_sign_up(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows the form, POST has a letter sent that asks to confirm the address."""
    with translation.override(language_of(request)):
        rows = Event.objects.open_to_all().select_related("drive__campaign", "country", "form")
        event = rows.filter(slug=slug).first()
        if event is None:
            return _plain(request, "gone", status=404)
        if not event.takes_sign_ups():
            return _plain(request, "closed", status=410, **_told(event))
        is_post = request.method == "POST"
        form = SignUpForm(request.POST if is_post else None)
        asked = _questions(event, {}, request if is_post else None)
        return _signed_up(request, event, form, asked) if is_post else _sign_up_page(request, event, form, asked)


def _signed_up(request: HttpRequest, event: Event, form: SignUpForm, asked: AnswersForm | None) -> HttpResponse:
    if asked is not None and asked.is_only_a_look:  # they wish to see the questions that follow
        return _sign_up_page(request, event, form, asked)
    if not allow_from("event-sign-up", request, limit=TRIES, seconds=WINDOW_SECONDS):
        answer = _sign_up_page(request, event, form, asked, status=429, note=_("Too many at once from your network. Nothing is lost: please press the button again in a few minutes."))  # fmt: skip
        answer["Retry-After"] = "600"
        return answer
    is_answered = asked is None or asked.is_valid()
    if not form.is_valid() or not is_answered:
        return _sign_up_page(request, event, form, asked, status=422)
    if not links.took_its_time(request.POST.get("t", ""), event.pk):
        return _sign_up_page(request, event, form, asked, status=422, note=_("Please look through it once more, and press the button again."))  # fmt: skip
    if not form.cleaned_data["website"]:  # what only a program fills; it is thanked all the same
        more: dict[str, Any] = (
            {"answers": asked.answers, "files": lambda: keep_files(asked)} if asked is not None else {}
        )
        signing_up.sign_up(event=event, language=translation.get_language() or "en", **form.values(), **more)
    return private(_plain(request, "sent", **_told(event), email=form.cleaned_data["email"]))


def _sign_up_page(
    request: HttpRequest,
    event: Event,
    form: SignUpForm,
    asked: AnswersForm | None,
    *,
    status: int = 200,
    note: str = "",
) -> HttpResponse:
    return private(
        _plain(
            request, "sign_up", status=status, **_told(event), form=form, answers_form=asked, note=note, token=links.page_token(event.pk, request.POST.get("t", ""))
        )
    )  # fmt: skip


@by_link
def event_sign_up_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what was asked, POST confirms it. Crawling the link changes nothing."""
    uid = links.read_confirm(token)
    found = signing_up.find(uid) if uid else signing_up.Outcome(None)
    with translation.override(language_of(request, found.row.language if found.row else "")):
        if uid is not None and found.row is not None and request.method == "POST":
            found = signing_up.confirm(uid=uid)
        row = found.row
        if row is None:
            answer = _plain(request, "gone", status=410 if uid else 404)
        elif found.is_late:
            answer = _plain(request, "closed", status=410, **_told(row.event))
        else:
            seat = row.registration
            answer = _plain(
                request, "confirm" if row.state == SignUp.State.ASKED else "confirmed", **_told(row.event), row=row, seat=seat,
                place=answering.place_in_line(seat) if seat and seat.state == "waiting" else 0,
                seat_url=links.seat_url(seat) if seat else "",
            )  # fmt: skip
    return answer


# --- who was invited --------------------------------------------------------------------------------------------------
@by_link
def event_answer(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the invitation, POST answers it. `?a=yes` marks an answer, and no more."""
    invitation = links.read_invitation(token)
    with translation.override(language_of(request, invitation.language if invitation else "")):
        if invitation is None:
            answer = _plain(request, "gone", status=410 if links.is_ours(token) else 404)
        elif request.method == "POST":
            answer = _answered(request, invitation)
        else:
            answer = _answer_page(
                request,
                invitation,
                AnswerForm.of(invitation, chosen=request.GET.get("a", "")),
                asked=_asked(invitation),
            )
    return answer


def _answered(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = AnswerForm(
        request.POST, event=invitation.event, sent=AnswerForm.sent_by(invitation.registrations.active().order_by("pk"))
    )
    asked = _asked(invitation, request)
    # one household says a few things a day; a script that guesses links comes from one place
    if not allow("event-answer", str(invitation.uid), limit=20, seconds=3600) or not allow_from(
        "event-answer", request, limit=TRIES, seconds=WINDOW_SECONDS
    ):
        answer = _answer_page(request, invitation, form, asked=asked, status=429, note=_("Too many at once from your network. Nothing is lost: please press the button again in a few minutes."))  # fmt: skip
        answer["Retry-After"] = "600"
        return answer
    if asked is not None and asked.look_name in request.POST:  # they wish to see the questions that follow
        return _answer_page(request, invitation, form, asked=asked)
    is_answered = asked is None or request.POST.get("says") not in ("yes", "other") or asked.is_valid()
    if not form.is_valid() or not is_answered:
        return _answer_page(request, invitation, form, asked=asked, status=422)
    values = form.values()
    # each name that is put here gets a letter at the address beside it
    if values["says"] == "other" and not allow("event-delegate", str(invitation.uid), limit=NAMED, seconds=86400):
        answer = _answer_page(request, invitation, form, asked=asked, status=429, note=_("Somebody was named here several times today. Nothing was changed: please try again tomorrow, or write to us."))  # fmt: skip
        answer["Retry-After"] = "86400"
        return answer
    if asked is not None and values["says"] in ("yes", "other"):
        values |= {"answers": asked.answers, "files": lambda: keep_files(asked)}
    try:
        answering.answer(invitation=invitation, road=Invitation.Road.LINK, **values)
    except DomainError as error:
        if error.code == "event_closed":
            return _answer_page(request, invitation, form, asked=asked, status=410)
        form.add_error(None, error.message)
        return _answer_page(request, invitation, form, asked=asked, status=422)
    return _answer_page(request, invitation, AnswerForm.of(invitation), asked=_asked(invitation), saved=True)


def _asked(invitation: Invitation, request: HttpRequest | None = None) -> AnswersForm | None:
    """The event's own questions, with what was answered before; None where it asks nothing."""
    return _questions(invitation.event, invitation.answers, request)


def _questions(event: Event, before: dict[str, Any], request: HttpRequest | None) -> AnswersForm | None:
    form = event.form
    if form is None or form.archived_at or not form.questions:
        return None
    given = (request.POST, request.FILES) if request is not None else (None, None)
    return answers_form(form, *given, language=translation.get_language() or "en", before=before)


def _answer_page(
    request: HttpRequest,
    invitation: Invitation,
    form: AnswerForm,
    *,
    asked: AnswersForm | None,
    status: int = 200,
    note: str = "",
    saved: bool = False,
) -> HttpResponse:
    event = invitation.event
    seats = [
        {"row": row, "place": answering.place_in_line(row) if row.state == "waiting" else 0}
        for row in invitation.registrations.active().order_by("pk")
    ]
    return _plain(
        request, "answer", status=status, **_told(event), invitation=invitation, form=form, note=note, saved=saved, seats=seats,
        is_open=event.takes_answers(), answers_form=asked,
    )  # fmt: skip


@by_link
def event_seat(request: HttpRequest, token: str) -> HttpResponse:
    """One's own seat or place in the line, of whoever takes part; POST gives it back."""
    row = links.read_seat(token)
    with translation.override(language_of(request, row.language if row else "")):
        if row is None:
            answer = _plain(request, "gone", status=410 if links.is_ours(token) else 404)
        else:
            if request.method == "POST" and request.POST.get("do") == "leave" and _may_leave(row.event):
                answering.leave(registration=row)
            place = answering.place_in_line(row) if row.state == "waiting" else 0
            answer = _plain(request, "seat", **_told(row.event), row=row, place=place, is_open=_may_leave(row.event))
    return answer


def _may_leave(event: Event) -> bool:
    """A seat can be given back as long as it helps somebody, also when no answers are taken any more."""
    return event.cancelled_at is None and event.starts_at > timezone.now()


def _told(event: Event) -> dict[str, Any]:
    language = translation.get_language() or "en"
    return {
        "event": event,
        "about": event.text(language),
        "when": when_of(event, language),
        "where": place_of(event),
        "sessions": sessions_of(event, language),
    }


def _plain(request: HttpRequest, page: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return public_page(request, f"{FOLDER}{page}.html", status=status, **context)
