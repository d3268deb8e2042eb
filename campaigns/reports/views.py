"""The report of a mailing, its moving part, its lists and its files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.delivery.models import Outcome
from campaigns.delivery.settling import MAY_SEND_AGAIN, Word, sentence, settle_uncertain, word_of
from campaigns.engagement.models import TrackedLink
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import resumes
from campaigns.mailings.states import State
from campaigns.reports import people, queries
from campaigns.reports.comparing import comparison
from campaigns.reports.export import report_lines
from campaigns.reports.presenting import MOST_COUNTRIES, Report
from campaigns.reports.printing import report_pdf
from campaigns.retention.models import KeptTotals
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui.paging import paginate
from crm.ui.responses import done, list_page
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast

LIST_SIZE = 25
LATELY_SHOWN = 3


def _find(request: StaffRequest, uid: UUID) -> Mailing:
    return get_object_or_404(
        Mailing.objects.visible_to(request.user).select_related("drive").defer("frozen_with"), uid=uid
    )


def _may(request: StaffRequest, mailing: Mailing, action: Action) -> bool:
    return request.user.may(action) and Mailing.objects.visible_to(request.user, action).filter(pk=mailing.pk).exists()


@requires(Action.SEE)
@require_safe
def reports_today(request: StaffRequest) -> HttpResponse:
    """What was sent lately, for its card on Today."""
    lines = queries.lines(queries.sent_lately(request.user)[:LATELY_SHOWN])
    return render(request, "campaigns/reports/_today_sent.html", {"lines": lines})


@requires(Action.SEE)
@require_safe
def mailing_report(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The whole page; a mailing that was never frozen has no report, and its own page says what is missing."""
    mailing = _find(request, uid)
    if mailing.frozen_at is None:
        return redirect("mailing_detail", uid=mailing.uid)
    context: dict[str, Any] = {
        "report": Report(mailing, request.user),
        "mailing": mailing,
        "most_countries": MOST_COUNTRIES,
        "comparison": comparison(mailing, request.user),
        "may_pause": mailing.state == State.SENDING and _may(request, mailing, Action.PAUSE),
        "may_send": mailing.state in {State.SENDING, State.PAUSED} and _may(request, mailing, Action.SEND),
        "may_resume": mailing.state == State.PAUSED and _may(request, mailing, resumes(mailing)),
    }
    return render(request, "campaigns/reports/mailing_report.html", context)


@requires(Action.SEE)
@require_safe
def report_live(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The bar and the figures, asked for every two seconds while messages go out."""
    mailing = _find(request, uid)
    report = Report(mailing, request.user)
    response = render(request, "campaigns/reports/_live.html", {"report": report, "mailing": mailing})
    if request.GET.get("moving") and not report.is_moving:
        response["HX-Refresh"] = "true"  # it ended meanwhile: the whole page has more to say
    return response


@requires(Action.SEE)
@require_safe
def report_groups(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The tables that count the whole ledger; a large mailing's page asks for them afterwards, with as many countries as it shows."""
    mailing = _find(request, uid)
    is_part = getattr(request, "htmx", False)
    template = "_groups.html" if is_part else "groups.html"
    most = MOST_COUNTRIES if is_part else None
    context = {"report": Report(mailing, request.user), "mailing": mailing, "most_countries": most}
    return render(request, f"campaigns/reports/{template}", context)


@requires(Action.SEE)
@require_safe
def report_people(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """The rows behind one number, a page at a time or as a file."""
    mailing = _find(request, uid)
    who = people.asked_for(request)
    table = build(people.SOURCE, request, mailing=str(mailing.uid))
    may_settle = who == Outcome.UNCERTAIN and _may(request, mailing, Action.SEND) and bool(table.rows)
    return list_page(
        request,
        "campaigns/reports/people.html",
        table=table,
        filters=table.filters,
        mailing=mailing,
        who=who,
        title=people.WHO[who].title,
        is_gone=KeptTotals.objects.filter(mailing_id=mailing.pk, deliveries_removed_at__isnull=False).exists(),
        narrowed=request.GET.get("reason", "") or _link_label(mailing, request.GET.get("link", "")),
        is_limited=request.user.scope(Action.SEE).countries is not None,
        may_settle=may_settle,
        words=_words(mailing),
    )


def _words(mailing: Mailing) -> list[tuple[str, Any]]:
    """What may be said of uncertain deliveries: nothing is sent again by a mailing that was cancelled."""
    may_resend = mailing.state in MAY_SEND_AGAIN
    return [(word.value, word.label) for word in Word if may_resend or word != Word.AGAIN]


@requires(Action.SEND)
@require_POST
def report_settle(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A person's word on the uncertain deliveries that were ticked."""
    mailing = _find(request, uid)
    word = word_of(request.POST.get("word", ""))
    rows = selected(request, people.rows_of(mailing, request, Outcome.UNCERTAIN), filters=people.PeopleFilters)
    seqs = list(rows.values_list("seq", flat=True))
    toast(request, sentence(settle_uncertain(mailing=mailing, actor=request.user, word=word, seqs=seqs)))
    return done(request, f"{reverse('mailing_report_people', args=[mailing.uid])}?who=uncertain")


def _link_label(mailing: Mailing, number: str) -> str:
    if not number.isdecimal() or len(number) > 8:
        return ""
    found = TrackedLink.objects.filter(mailing_id=mailing.pk, number=min(int(number), 32767)).first()
    return (found.label or found.url) if found else ""


@requires(Action.SEE)
@require_safe
def report_file(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """The report's figures as CSV; it names nobody."""
    mailing = _find(request, uid)
    name = slugify(mailing.name)[:60] or "report"
    return StreamingHttpResponse(
        report_lines(Report(mailing, request.user)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-report.csv"'},
    )


@requires(Action.SEE)
@require_safe
def report_print(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The report's figures as PDF; it names nobody."""
    mailing = _find(request, uid)
    if mailing.frozen_at is None:
        return redirect("mailing_detail", uid=mailing.uid)
    name = slugify(mailing.name)[:60] or "report"
    return HttpResponse(
        report_pdf(Report(mailing, request.user)),
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}-report.pdf"'},
    )


@requires(Action.SEE)
@require_safe
def report_list(request: StaffRequest) -> HttpResponse:
    """Every mailing that went out, with its key figures."""
    rows = Mailing.objects.visible_to(request.user).filter(frozen_at__isnull=False)
    rows = rows.select_related("drive").defer("frozen_with")
    page = paginate(request, rows, sort=["-frozen_at"], size=LIST_SIZE)
    context = {"page": page, "lines": queries.lines(page.rows), "title": _("Reports")}
    return render(request, "campaigns/reports/report_list.html", context)
