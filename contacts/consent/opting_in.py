"""The public page of a double opt-in: GET shows what is asked, POST says yes. Crawling the link changes nothing."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from contacts.consent.links import preference_url, read_opt_in
from contacts.consent.models import OptInRequest, SubjectKind
from contacts.consent.preferences import page_language, public_page
from contacts.consent.queries import long_day
from contacts.consent.services.opt_in import confirm, may_confirm
from contacts.consent.subjects import Subject
from crm.limits import allow
from crm.ui.public import by_link

_PHONE = re.compile(r"Mobile|Android|iPhone|iPad", re.IGNORECASE)


@by_link
def opt_in(request: HttpRequest, token: str) -> HttpResponse:
    """A link that is not ours, whose person is gone, or that is over, gets a page that says so."""
    uid = read_opt_in(token)
    found = OptInRequest.objects.select_related("topic").filter(uid=uid).first() if uid else None
    subject = Subject(found.subject_uid, SubjectKind(found.subject_kind)).current() if found else None
    row = subject.row() if subject else None
    with translation.override(page_language(request, row)):
        if uid is None:
            answer = public_page(request, "preferences_unknown", status=404)
        elif found is None or subject is None or row is None:
            answer = public_page(request, "preferences_gone", status=410)
        elif request.method == "POST" and not allow("opt-in", str(uid), limit=30, seconds=600):
            answer = public_page(request, "preferences_too_fast", status=429)
            answer["Retry-After"] = "600"
        else:
            if request.method == "POST" and (said := confirm(uid=uid, agent=kind_of(request))):
                found = said.request
            answer = _show(request, found, subject)
    return answer


def _show(request: HttpRequest, found: OptInRequest, subject: Subject) -> HttpResponse:
    context: dict[str, Any] = {
        "asked": found,
        "topic": found.topic,
        "choices_url": preference_url(subject.uid, subject.kind),
        "until": long_day(found.expires_at) if found.expires_at else "",
        "confirmed_on": long_day(found.closed_at) if found.closed_at else "",
    }
    if found.state == OptInRequest.State.CONFIRMED:
        return public_page(request, "opt_in_done", **context)
    if not may_confirm(found):
        return public_page(request, "opt_in_over", status=410, **context)
    return public_page(request, "opt_in", **context)


def kind_of(request: HttpRequest) -> str:
    """What was used, in a word: enough to tell a person from a program, too little to recognise anybody."""
    agent = request.headers.get("User-Agent", "")
    if not agent.startswith("Mozilla/"):
        return "a program that is no browser"
    return "a phone's browser" if _PHONE.search(agent) else "a computer's browser"
