"""The public page of one commitment: its institution says how it stands. No account, no cookie, no JavaScript; GET changes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from babel.dates import format_date
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from campaigns.commitments import linking
from campaigns.commitments.forms import PublicForm
from campaigns.commitments.models import CommitmentLink, CommitmentUpdate
from contacts.consent.preferences import page_language, public_page
from crm.errors import DomainError
from crm.ids import new_uid
from crm.limits import allow, allow_from
from crm.ui.formats import current_locale
from crm.ui.public import by_link

Progress = CommitmentUpdate.Progress
PAGES = "campaigns/commitments/public"


@by_link
def promise(request: HttpRequest, token: str) -> HttpResponse:
    """A link that is not ours, or that was revoked, gets a page that says so."""
    uid = linking.read_token(token)
    rows = CommitmentLink.objects.select_related("commitment__organization", "commitment__ask")
    link = rows.filter(uid=uid).first() if uid else None
    with translation.override(page_language(request, link.commitment.organization if link else None)):
        if link is None:
            answer = _page(request, "over", status=404)
        elif link.revoked_at or link.commitment.state == "withdrawn":
            answer = _page(request, "over", status=410)
        elif request.method == "POST":
            answer = _take(request, link)
        else:
            answer = _show(request, link, {})
    return answer


def _page(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return public_page(request, name, status=status, folder=PAGES, **context)


def _show(request: HttpRequest, link: CommitmentLink, given: Any, *, problem: str = "") -> HttpResponse:
    row = link.commitment
    context = {
        "row": row, "ask": row.ask.label if row.ask else "", "due": full_day(row.due_on),
        "choices": [(value, label) for value, label in Progress.choices],
        "given": given, "problem": problem, "key": given.get("key") or new_uid(), "is_open": row.is_open,
        "milestones": [(m.text, full_day(m.due_on), m.done_on is not None) for m in row.milestones.all()],
        "waiting": row.updates.filter(state="waiting").exists(),
    }  # fmt: skip
    return _page(request, "promise", status=422 if problem else 200, **context)


def _take(request: HttpRequest, link: CommitmentLink) -> HttpResponse:
    # one institution says a few things a day; a script that guesses links comes from one place
    if not allow("promise", str(link.uid), limit=10, seconds=3600) or not allow_from("promise", request, limit=60, seconds=3600):  # fmt: skip
        answer = _page(request, "too_fast", status=429)
        answer["Retry-After"] = "3600"
        return answer
    form = PublicForm(request.POST)
    if not form.is_valid():
        return _show(request, link, request.POST, problem=next(iter(form.errors)))
    values = dict(form.cleaned_data)
    if values["progress"] != Progress.ON_TRACK and not values["text"].strip():
        return _show(request, link, request.POST, problem="text")
    try:
        linking.take_update(
            link=link, progress=values["progress"], text=values["text"], evidence_link=values["link"],
            new_due_on=values["new_due_on"], written_by=values["written_by"], form_key=values["key"],
        )  # fmt: skip
    except DomainError:
        return _page(request, "over", status=410)
    return _page(request, "thanks")


def full_day(day: date) -> str:
    """With its year, as the reader's language writes it."""
    return format_date(day, "long", locale=current_locale())
