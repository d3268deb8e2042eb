"""The report of a campaign or a drive: as a page, as files, with the rows behind each number, and as it stood on a day."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext as _

from campaigns.planning.forms import refused
from campaigns.planning.models import Campaign, Drive
from campaigns.planning.tabs import tabs_of
from campaigns.results import lists, snapshots
from campaigns.results.figures import FIGURES, Figure, Scope, part_words, rows_of
from campaigns.results.forms import FreezeForm, ListForm
from campaigns.results.iati import iati_xml
from campaigns.results.models import Snapshot
from campaigns.results.printing import report_pdf, report_xlsx
from campaigns.results.report import Report, days_of, frozen, live, results_of
from contacts.segments import draft
from contacts.segments.lists import add_to_list, create_list
from contacts.segments.models import ContactList, Segment
from contacts.segments.services import create_segment
from contacts.segments.views import OWN
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError
from crm.ui import formats
from crm.ui.responses import done, form_page, list_page
from crm.ui.toasts import toast

SNAPSHOTS_SHOWN = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def scope_of(request: StaffRequest, uid: UUID, of: str) -> Scope:
    """The campaign or drive of the address, and the days asked for. 404 for what one may not see."""
    campaign: Campaign
    drive: Drive | None = None
    if of == "drive":
        drive = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign"), uid=uid)
        campaign = drive.campaign
    else:
        campaign = get_object_or_404(Campaign.objects.visible_to(request.user), uid=uid)
    first, last = days_of(drive or campaign, request.GET, timezone.localdate())
    return Scope(campaign, drive, first, last, request.user)


def _place(scope: Scope) -> dict[str, Any]:
    """What crumbs, tabs and links of a report's pages need."""
    subject: Any = scope.drive or scope.campaign
    of = "drive" if scope.drive else "campaign"
    days = f"?from={scope.first.isoformat()}&until={scope.last.isoformat()}"
    return {
        "drive": scope.drive,
        "campaign": scope.campaign,
        "subject": subject,
        "of": of,
        "tabs": tabs_of(scope.drive, "drive_report") if scope.drive else [],
        "report_url": reverse(f"{of}_report", args=[subject.uid]) + days,
        "pdf_url": reverse(f"{of}_report_file", args=[subject.uid, "pdf"]) + days,
        "xlsx_url": reverse(f"{of}_report_file", args=[subject.uid, "xlsx"]) + days,
        "freeze_url": reverse(f"{of}_report_freeze", args=[subject.uid]) + days,
    }


@requires(Action.SEE)
def report_page(request: StaffRequest, uid: UUID, of: str) -> HttpResponse:
    """Computed now. `?from=` and `?until=` narrow it to some days."""
    scope = scope_of(request, uid, of)
    kept = Snapshot.objects.visible_to(request.user).filter(campaign=scope.campaign)
    if scope.drive:
        kept = kept.filter(drive=scope.drive)
    context = {
        **_place(scope),
        "report": live(scope),
        "snapshots": kept.select_related("taken_by", "drive").order_by("-taken_at", "-pk")[:SNAPSHOTS_SHOWN],
        "may_plan": request.user.may(Action.DRIVES),
        "is_live": True,
    }
    return render(request, "campaigns/results/report.html", context)


@requires(Action.SEE)
def report_file(request: StaffRequest, uid: UUID, kind: str, of: str) -> HttpResponse:
    """pdf, xlsx, or the framework as IATI's XML."""
    scope = scope_of(request, uid, of)
    subject: Any = scope.drive or scope.campaign
    name = f"{slugify(subject.name) or of}-{scope.last}"
    if kind == "iati":
        response = HttpResponse(iati_xml(scope.campaign, results_of(scope)), content_type="application/xml")
        response["Content-Disposition"] = f'attachment; filename="{name}-iati.xml"'
        return response
    return _file(live(scope), kind, name)


def _file(report: Report, kind: str, name: str) -> HttpResponse:
    if kind not in {"pdf", "xlsx"}:
        raise Http404
    content = report_pdf(report) if kind == "pdf" else report_xlsx(report)
    response = HttpResponse(content, content_type="application/pdf" if kind == "pdf" else XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


@requires(Action.SEE)
def report_rows(request: StaffRequest, uid: UUID, figure: str, of: str) -> HttpResponseBase:
    """The rows behind one number, or (`?by=` and `?part=`) behind one part of it."""
    found = FIGURES.get(figure)
    scope = scope_of(request, uid, of)
    if found is None:
        raise Http404
    by, part = request.GET.get("by", ""), request.GET.get("part", "")
    rows = rows_of(found, scope, by, part)
    subject: Any = scope.drive or scope.campaign
    context = {
        **_place(scope), "figure": found, "part": part_words(by, part), "first": scope.first, "last": scope.last,
        "list_url": _list_url(request, f"{of}_report_to_list", subject.uid, figure),
    }  # fmt: skip
    return list_page(request, "campaigns/results/rows.html", table=lists.table_of(request, found.kind, rows), **context)


def _list_url(request: StaffRequest, name: str, uid: UUID, figure: str) -> str:
    """Where these rows become a list by hand; the same days and the same part. Empty for who makes no lists."""
    if not any(request.user.may(action) for action in OWN):
        return ""
    kept = {key: request.GET[key] for key in ("from", "until", "by", "part") if key in request.GET}
    return f"{reverse(name, args=[uid, figure])}?{urlencode(kept)}"


@requires(*OWN)
def report_to_list(request: StaffRequest, uid: UUID, figure: str, of: str) -> HttpResponse:
    """The people or institutions behind a number, kept as a list by hand."""
    found = FIGURES.get(figure)
    scope = scope_of(request, uid, of)
    if found is None:
        raise Http404
    by, part = request.GET.get("by", ""), request.GET.get("part", "")
    subject: Any = scope.drive or scope.campaign
    back = f"{reverse(f'{of}_report_rows', args=[subject.uid, figure])}?{request.GET.urlencode()}"
    return _to_list(request, found, rows_of(found, scope, by, part), part_words(by, part), scope.campaign, back)


def _to_list(
    request: StaffRequest, figure: Figure, rows: Any, part: str, campaign: Campaign, back: str
) -> HttpResponse:
    name = f"{figure.label}: {part}" if part else str(figure.label)
    form = ListForm(
        request.POST if request.method == "POST" else None,
        initial={"name": f"{name}, {formats.day(timezone.localdate())}"},
    )
    chosen, selects = lists.as_subjects(figure.kind, rows, request.user)
    if form.is_valid():
        with transaction.atomic():
            made = create_list(name=form.cleaned_data["name"], actor=request.user, selects=selects)
            count, _entry = add_to_list(contact_list=made, rows=chosen, actor=request.user)
            segment = _segment_of(made, request.user) if form.cleaned_data["as_segment"] else None
        toast(request, _("“%(name)s” holds %(n)s.") % {"name": made.name, "n": formats.number(count)})
        place = reverse("segment_edit", args=[segment.uid]) if segment else reverse("list_detail", args=[made.uid])
        return done(request, place)
    context = {
        "title": _("Keep these as a list"), "back": back, "campaign": campaign,
        "sub": _("Who stands behind the number today. The list stays as it is, whatever the number becomes.")
        if figure.kind in {"people", "organizations"}
        else _("Their institutions, as they stand behind the number today. The list stays as it is."),
    }  # fmt: skip
    return form_page(request, "campaigns/results/form.html", context, form=form)


def _segment_of(kept: ContactList, user: User) -> Segment:
    """Those on this list, to be narrowed by further rules."""
    rule = {"field": "on_list", "operator": "any_of", "value": [str(kept.uid)]}
    return create_segment(name=kept.name, tree=draft.empty() | {"rules": [rule]}, actor=user, selects=kept.selects)


@requires(Action.DRIVES)
def report_freeze(request: StaffRequest, uid: UUID, of: str) -> HttpResponse:
    scope = scope_of(request, uid, of)
    form = FreezeForm(request.POST if request.method == "POST" else None)
    place = _place(scope)
    if form.is_valid():
        try:
            snapshot = snapshots.freeze(actor=request.user, scope=scope, title=form.cleaned_data["title"])
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("Frozen: these numbers stay as they are."))
            return done(request, reverse("snapshot_detail", args=[snapshot.uid]))
    context = {
        "title": _("Freeze the report"), "back": place["report_url"], "campaign": scope.campaign,
        "sub": _("The numbers, how each is counted, and the ids of the rows behind it are kept, and never change again."),
    }  # fmt: skip
    return form_page(request, "campaigns/results/form.html", context, form=form)


# --- as it stood ------------------------------------------------------------------------------------------------------
def _snapshot(request: StaffRequest, uid: UUID) -> Snapshot:
    rows = Snapshot.objects.visible_to(request.user).select_related("campaign", "drive", "taken_by")
    return get_object_or_404(rows, uid=uid)


@requires(Action.SEE)
def snapshot_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Read from what was kept alone; says whether that is intact."""
    snapshot = _snapshot(request, uid)
    context = {
        "snapshot": snapshot,
        "report": frozen(snapshot),
        "is_intact": snapshots.is_intact(snapshot),
        "drive": snapshot.drive,
        "campaign": snapshot.campaign,
        "subject": snapshot.drive or snapshot.campaign,
        "pdf_url": reverse("snapshot_file", args=[snapshot.uid, "pdf"]),
        "xlsx_url": reverse("snapshot_file", args=[snapshot.uid, "xlsx"]),
        "tabs": tabs_of(snapshot.drive, "drive_report") if snapshot.drive else [],
    }
    return render(request, "campaigns/results/report.html", context)


@requires(Action.SEE)
def snapshot_file(request: StaffRequest, uid: UUID, kind: str) -> HttpResponse:
    snapshot = _snapshot(request, uid)
    return _file(frozen(snapshot), kind, f"{slugify(snapshot.title) or 'report'}-{snapshot.taken_at:%Y-%m-%d}")


@requires(Action.SEE)
def snapshot_rows(request: StaffRequest, uid: UUID, figure: str) -> HttpResponseBase:
    """Who stood behind a number then: those that are still there and that one may see."""
    snapshot = _snapshot(request, uid)
    found = FIGURES.get(figure)
    if found is None:
        raise Http404
    by, part = request.GET.get("by", ""), request.GET.get("part", "")
    uids = snapshots.uids_behind(snapshot, figure, by, part if by else "")
    rows = lists.known(request.user, found.kind, uids)
    context = {
        "list_url": _list_url(request, "snapshot_to_list", snapshot.uid, figure),
        "figure": found, "part": part_words(by, part), "snapshot": snapshot, "kept": len(uids), "shown": rows.count(),
        "first": snapshot.first_on, "last": snapshot.last_on, "drive": snapshot.drive, "campaign": snapshot.campaign,
        "report_url": reverse("snapshot_detail", args=[snapshot.uid]),
    }  # fmt: skip
    return list_page(request, "campaigns/results/rows.html", table=lists.table_of(request, found.kind, rows), **context)


@requires(*OWN)
def snapshot_to_list(request: StaffRequest, uid: UUID, figure: str) -> HttpResponse:
    """Those who stood behind a number then, and are still there, as a list by hand."""
    snapshot = _snapshot(request, uid)
    found = FIGURES.get(figure)
    if found is None:
        raise Http404
    by, part = request.GET.get("by", ""), request.GET.get("part", "")
    rows = lists.known(request.user, found.kind, snapshots.uids_behind(snapshot, figure, by, part if by else ""))
    back = f"{reverse('snapshot_rows', args=[snapshot.uid, figure])}?{request.GET.urlencode()}"
    return _to_list(request, found, rows, part_words(by, part), snapshot.campaign, back)
