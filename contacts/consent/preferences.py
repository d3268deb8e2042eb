"""The public preference page: by signed link, without an account, a cookie or JavaScript; changed by POST only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation

from contacts.consent.links import PreferenceLink, read_token
from contacts.consent.models import Suppression, Topic
from contacts.consent.queries import Permission, long_day, permissions_of, suppressions_of
from contacts.consent.services import save_preferences, stop_everything
from contacts.consent.subjects import Subject
from contacts.directory.models import Organization, Person
from crm.limits import allow
from crm.ui import public
from crm.ui.public import LANGUAGES, by_link

CHANGES, WINDOW_SECONDS = 30, 600  # a person clicks a few times; more is a script


@dataclass(frozen=True)
class Holder:
    """Who the page is for."""

    link: PreferenceLink
    subject: Subject
    row: Person | Organization

    @property
    def masked_addresses(self) -> list[str]:
        """Enough to recognise one's own address, too little for whoever was forwarded the link."""
        return [mask(key) for key in self.subject.address_keys()]

    def language_choices(self) -> list[tuple[str, str]]:
        known = self.row.language
        extra = [(known, language_name(known))] if known and known not in LANGUAGES else []
        return [*LANGUAGES.items(), *extra]


@by_link
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows, POST changes. A link that is not ours, or whose person is gone, gets a page that says so."""
    link = read_token(token)
    subject = link.subject.current() if link else None
    row = subject.row() if subject else None
    with translation.override(page_language(request, row)):
        if link is None or subject is None:
            answer = public_page(request, "preferences_unknown", status=404)
        elif row is None:
            answer = public_page(request, "preferences_gone", status=410)
        elif request.method == "POST":
            answer = _change(request, Holder(link, subject, row))
        else:
            answer = _show(request, Holder(link, subject, row))
    return answer


def page_language(request: HttpRequest, row: Person | Organization | None) -> str:
    """?lang=, else the language that we write to them in, else the browser's, of those that the page has."""
    return public.language_of(request, row.language if row else "")


def mask(address_key: str) -> str:
    local, _at, domain = address_key.rpartition("@")
    return f"{local[:1]}…@{domain}"


def language_name(code: str) -> str:
    """A language's own name for itself, else its code."""
    try:
        return str(translation.get_language_info(code)["name_local"])
    except KeyError:
        return code


def _show(request: HttpRequest, holder: Holder) -> HttpResponse:
    stop = _stop(holder)
    return public_page(
        request,
        "preferences",
        permissions=permissions_of(holder.subject.uid, public_only=True),
        holder=holder,
        stop=stop,
        stop_day=long_day(stop.at) if stop else "",
        is_own_stop=stop is not None and stop.reason == Suppression.Reason.UNSUBSCRIBED,
        language_choices=holder.language_choices(),
    )


def _change(request: HttpRequest, holder: Holder) -> HttpResponse:
    if not allow("preferences", str(holder.subject.uid), limit=CHANGES, seconds=WINDOW_SECONDS):
        answer = public_page(request, "preferences_too_fast", status=429, holder=holder)
        answer["Retry-After"] = str(WINDOW_SECONDS)
        return answer
    if request.POST.get("do") == "everything":
        changed = stop_everything(subject=holder.subject, mailing_id=holder.link.mailing_id, seq=holder.link.seq)
    else:
        offered = {str(p.topic.uid): p for p in permissions_of(holder.subject.uid, public_only=True)}
        language = request.POST.get("language", "")
        changed = save_preferences(
            subject=holder.subject,
            wishes=switched(request.POST, offered),
            language=language if language in LANGUAGES else "",
            mailing_id=holder.link.mailing_id,
            seq=holder.link.seq,
        )
        holder.row.language = changed.language or holder.row.language
    with translation.override(page_language(request, holder.row)):
        return public_page(
            request,
            "preferences_saved",
            changed=changed,
            language_name=language_name(changed.language) if changed.language else "",
            is_everything=request.POST.get("do") == "everything",
            granted_now=[p.topic for p in permissions_of(holder.subject.uid) if p.is_granted],
            stop=_stop(holder),
            holder=holder,
        )


def switched(posted: QueryDict, offered: dict[str, Permission]) -> dict[Topic, bool]:
    """What this visitor switched. The form says what stood there, so an old tab saves only its own changes."""
    wanted, was = set(posted.getlist("on")), set(posted.getlist("was"))
    shown = set(posted.getlist("shown"))
    return {
        permission.topic: uid in wanted
        for uid, permission in offered.items()
        if uid in shown and (uid in wanted) != (uid in was)
    }


def _stop(holder: Holder) -> Suppression | None:
    """What keeps mail from this subject's addresses; one that they cannot lift themselves comes first."""
    found = list(suppressions_of(holder.subject.address_keys()))
    others = [row for row in found if row.reason != Suppression.Reason.UNSUBSCRIBED]
    return next(iter(others or found), None)


def public_page(
    request: HttpRequest, name: str, *, status: int = 200, folder: str = "contacts/consent", **context: Any
) -> HttpResponse:
    """A public page of consent, or of the feature whose templates are in `folder`."""
    return public.public_page(request, f"{folder}/{name}.html", status=status, **context)
