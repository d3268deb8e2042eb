"""Pre-flight, the people behind its numbers, and how far a mailing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from campaigns.delivery import nightly, operating, preflight, slots, tasks, waking
from campaigns.delivery.audience import Member, members, sample
from campaigns.delivery.copies import Gap
from campaigns.delivery.models import SkipReason
from campaigns.delivery.queries import progress
from campaigns.domains.services import domain_of
from campaigns.domains.warmup import standings
from campaigns.mailings.answers import label_of
from campaigns.mailings.fields import FIELDS, is_answer, is_known
from campaigns.mailings.languages import language_name
from campaigns.mailings.models import Mailing
from campaigns.mailings.presenting import approval_panel, may
from campaigns.mailings.when import brief
from contacts.directory.models import Country, Organization, Person
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui import formats
from crm.ui.responses import done
from crm.ui.toasts import toast

PAGE = 50
SHOWN_AT_ONCE = 20_000  # in an audience: of a larger one the example comes a moment later


def _find(request: StaffRequest, uid: UUID) -> Mailing:
    rows = Mailing.objects.visible_to(request.user).select_related(
        "drive",
        "segment",
        "sender",
        "topic",
        "transport",
        "copies_to",
        "answers_of",
        "review_asked_by",
        "approval__approved_by",
    )
    return get_object_or_404(rows, uid=uid)


@requires(Action.SEE)
@require_safe
def mailing_preflight(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Who gets it, who does not and why, and what to look at before it is approved."""
    mailing = _find(request, uid)
    summary = preflight.summary_of(mailing, fresh="fresh" in request.GET)
    return render(
        request,
        "campaigns/delivery/preflight.html",
        {
            "mailing": mailing,
            "summary": summary,
            "parts": preflight.parts_of(mailing, summary),
            "note": _note(mailing, summary.languages),
            "findings": preflight.findings(mailing, summary),
            "constituencies": preflight.named_constituencies(summary),
            "approval": approval_panel(mailing, request.user, audience_count=summary.will_get),
            "may_write": may(mailing, request.user, Action.WRITE),
            # of a large audience it takes longer to find one reader than to show all the rest
            "reader": None if summary.total > SHOWN_AT_ONCE else _reader(request, mailing, list(summary.languages)),
            "asked": urlencode({"as": request.GET.get("as", "")[:20]}),
            "crumbs": _crumbs(mailing),
        },
    )


@requires(Action.SEE)
@require_safe
def mailing_preflight_reader(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The message through the eyes of one of those who get it; the page of a large audience asks for it afterwards."""
    mailing = _find(request, uid)
    template = "_reader.html" if getattr(request, "htmx", False) else "reader.html"
    context = {
        "mailing": mailing,
        "reader": _reader(request, mailing, list(preflight.summary_of(mailing).languages)),
        "crumbs": [*_crumbs(mailing), (_("Pre-flight"), reverse("mailing_preflight", args=[mailing.uid]))],
    }
    return render(request, f"campaigns/delivery/{template}", context)


def _crumbs(mailing: Mailing) -> list[tuple[str, str]]:
    return [(_("Mailings"), reverse("mailing_list")), (mailing.name, reverse("mailing_detail", args=[mailing.uid]))]


def _note(mailing: Mailing, languages: dict[str, int]) -> str:
    """When it leaves, and how many read which language."""
    time = (
        brief(mailing)[0]
        if mailing.sends_local
        else formats.moment(mailing.send_at)
        if mailing.send_local and mailing.send_at
        else _("when somebody presses Send now")
    )
    shares = ", ".join(f"{language_name(code)} {formats.number(n)}" for code, n in list(languages.items())[:4])
    return f"{time} · {shares}" if shares else time


def _reach(request: StaffRequest, mailing: Mailing) -> frozenset[str] | None:
    """Countries whose people the user may see by name; None for the whole audience.

    An approver sees whom the mailing would reach; so does whoever could have built it. Others see the numbers of all, and
    the people of their own countries, as in the report.
    """
    own = request.user.scope(Action.SEE).countries
    built_with = mailing.scope_countries
    if own is None or (built_with is not None and own.issuperset(built_with)):
        return None
    return None if may(mailing, request.user, Action.APPROVE) else own


def _reader(request: StaffRequest, mailing: Mailing, languages: list[str]) -> dict[str, Any]:
    """One of those who get it, through whose eyes the preview is shown; tabs for others."""
    wanted = request.GET.get("as", "")
    choices = [
        *[(code, language_name(code)) for code in languages[:4]],
        ("longest", _("Longest name")),
        ("empty", _("Empty fields")),
    ]
    chosen = wanted if wanted in dict(choices) else (choices[0][0] if languages else "")
    member = None
    if chosen:
        how = chosen if chosen in ("longest", "empty") else ""
        member = sample(mailing, how=how, language="" if how else chosen, countries=_reach(request, mailing))
    who = _row_of(member) if member else None
    page = reverse("mailing_preflight", args=[mailing.uid])
    language = member.language if member else ""
    query = {"lang": language, "as": str(who.uid)} if who else {"lang": language}
    return {
        "name": str(who) if who else "",
        "tabs": [
            {"label": label, "url": f"{page}?as={code}#reader", "current": code == chosen} for code, label in choices
        ],
        "url": f"{reverse('mailing_preview', args=[mailing.uid])}?{urlencode(query)}",
    }


def _row_of(member: Member) -> Person | Organization | None:
    if member.person_id:
        return Person.objects.filter(pk=member.person_id).first()
    return Organization.objects.filter(pk=member.organization_id or 0).first()


@requires(Action.SEE)
@require_safe
def mailing_preflight_people(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The people behind a number: by reason, or those who have an empty field."""
    mailing = _find(request, uid)
    reason: str | None = request.GET.get("reason")
    if reason not in (None, "", *SkipReason.values):
        reason = None
    empty = request.GET.get("empty", "")
    empty = empty if is_known(empty) else ""
    copies = "copies" in request.GET
    gap = request.GET.get("uncopied", "")
    gap = gap if gap in Gap.values else ""
    countries = _reach(request, mailing)
    found = members(
        mailing,
        countries=countries,
        reason=None if empty or gap else reason,
        empty_field=empty,
        copies=copies,
        copy_gap=gap,
        after=_after(request.GET.get("after", "")),
        limit=PAGE + 1,
    )
    shown = found[:PAGE]
    query = {
        name: value
        for name in ("reason", "empty", "copies", "uncopied")
        if (value := request.GET.get(name)) is not None
    }
    next_url = f"?{urlencode({**query, 'after': f'{shown[-1].key}:{shown[-1].sort_key}'})}" if len(found) > PAGE else ""
    return render(
        request,
        "campaigns/delivery/preflight_people.html",
        {
            "mailing": mailing,
            "title": _title(mailing, reason, empty, copies=copies, gap=gap),
            "is_limited": countries is not None,
            "rows": _described(shown),
            "next_url": next_url,
            "crumbs": [
                (mailing.name, reverse("mailing_detail", args=[mailing.uid])),
                (_("Pre-flight"), reverse("mailing_preflight", args=[mailing.uid])),
            ],
        },
    )


def _after(text: str) -> tuple[str, int] | None:
    key, colon, sort_key = text.partition(":")
    is_key = key.isascii() and key.isdigit() and len(key) < 19
    return (sort_key, int(key)) if colon and is_key and "\x00" not in sort_key else None


def _title(mailing: Mailing, reason: str | None, empty: str, *, copies: bool, gap: str) -> str:
    if gap:
        return _("No copy of these letters: %(why)s") % {"why": Gap(gap).label}
    if copies:
        return _("Visible copies")
    if is_answer(empty):
        return _("No answer to “%(question)s”") % {"question": label_of(mailing, empty)}
    if empty:
        return _("%(field)s is empty") % {"field": FIELDS[empty].label}
    if reason is None:
        return _("Everybody in the segment")
    if reason == "":
        return _("Will get it")
    return _("Left out: %(reason)s") % {"reason": SkipReason(reason).label}


def _described(shown: list[Member]) -> list[dict[str, Any]]:
    """Rows of the page with names and links, in three queries however many there are."""
    people = {row.pk: row for row in Person.objects.filter(pk__in=[m.person_id for m in shown if m.person_id])}
    organizations = {
        row.pk: row
        for row in Organization.objects.filter(pk__in=[m.organization_id for m in shown if m.organization_id])
    }
    countries = {row.code: row.label for row in Country.objects.filter(code__in={m.country_code for m in shown})}
    rows = []
    for member in shown:
        person, organization = people.get(member.person_id or 0), organizations.get(member.organization_id or 0)
        rows.append(
            {
                "person": person,
                "organization": organization,
                "address": member.address,
                "country": countries.get(member.country_code, ""),
                "language": language_name(member.language) if member.language else "",
                "root": member.root_code.lower(),
                "reason": SkipReason(member.reason).label if member.reason else "",
                "is_copy": member.copy_of is not None,
                "also": [SkipReason(code).label for code in member.also or []],
            }
        )
    return rows


@requires(Action.SEE)
@require_safe
def mailing_progress(request: StaffRequest, uid: UUID) -> HttpResponse:
    """How far it is, how fast and how long still; the fragment asks again while it moves."""
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user).select_related("sender"), uid=uid)
    found = progress(mailing) if mailing.frozen_at else None
    name = domain_of(mailing.sender.email) if mailing.sender and found and found.is_moving else ""
    context = {"mailing": mailing, "progress": found, "warmup": standings([name]).get(name) if name else None}
    return render(request, "campaigns/delivery/_progress.html", context)


LATE: dict[str, tuple[Callable[..., Mailing], Any]] = {
    "release": (slots.release_late, gettext_lazy("They get it as soon as the hours there allow it.")),
    "leave-out": (slots.leave_out_late, gettext_lazy("Left out. The rest of the mailing goes on.")),
}


@requires(Action.APPROVE, Action.SEND)
@require_POST
def mailing_late(request: StaffRequest, uid: UUID, verb: str) -> HttpResponse:
    """Decide about countries whose time passed too long ago; the service checks who may."""
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user), uid=uid)
    if verb not in LATE:
        raise Http404
    service, text = LATE[verb]
    service(mailing=mailing, actor=request.user)
    toast(request, str(text))
    return done(request, reverse("mailing_detail", args=[mailing.uid]))


@requires(Action.PAUSE)
@require_safe
def sending_page(request: StaffRequest) -> HttpResponse:
    """Whether mail leaves: what goes out, by which road, what waits and why, and the signs of life of all that it needs."""
    context = {
        "sending": operating.sending_now(request.user),
        "may_administer": request.user.may(Action.ADMINISTER),
        "audit": nightly.under_way(),
    }
    return render(request, "campaigns/delivery/sending.html", context)


@requires(Action.ADMINISTER)
@require_POST
def sending_audit(request: StaffRequest) -> HttpResponse:
    """Audit all mailings now, without waiting for the night."""
    if nightly.audit_again(actor=request.user):
        waking.post(tasks.audit_night)
        toast(request, _("All mailings are audited. What is found stands here when it is done."))
    else:
        toast(request, _("An audit is under way already. What is found stands here when it is done."))
    return done(request, reverse("sending"))
