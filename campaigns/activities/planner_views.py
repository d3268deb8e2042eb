"""Board, calendar and list of a drive's activities, and what is done to many of them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.activities import services
from campaigns.activities.board import columns_of, decorate
from campaigns.activities.calendar import MONTHS, Span, lines_of, read_month, span_of, weeks_of
from campaigns.activities.forms import ManyForm, colleagues
from campaigns.activities.lists import ActivityFilters
from campaigns.activities.marks import Mark, marks_of
from campaigns.activities.models import Activity
from campaigns.activities.reaching import find_drive, may_plan, page
from campaigns.activities.states import State
from campaigns.planning.models import Drive
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid
from crm.ui import formats
from crm.ui.responses import done, list_page
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast

MOST = 400  # activities that a calendar shows


# --- board ------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_board(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Columns by state. Cards are dragged, or moved by their menu."""
    drive = find_drive(request, uid)
    rows = _live(request, drive)
    mine = request.GET.get("mine") == "1"
    if mine:
        rows = rows.filter(owner=request.user)
    columns = columns_of(rows, timezone.localdate())
    context = page(
        drive,
        "drive_board",
        columns=columns,
        is_empty=not any(column["count"] for column in columns),
        mine=mine,
        may_plan=may_plan(request, drive),
        own=request.user.pk if request.user.may(Action.LOG) else None,
    )
    return render(request, "campaigns/activities/board.html", context)


def _live(request: StaffRequest, drive: Drive) -> Any:
    rows = Activity.objects.visible_to(request.user).filter(drive=drive, archived_at=None)
    return rows.with_waits().select_related("owner", "country")


# --- calendar ---------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_calendar(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A month as weeks, a quarter or a year as lines. `?month=2026-09&view=year`."""
    drive = find_drive(request, uid)
    today = timezone.localdate()
    start = today if drive.starts_on <= today <= drive.ends_on else drive.starts_on
    span = span_of(request.GET.get("view", ""), read_month(request.GET.get("month", ""), start))
    first, last = _edges(span)
    found = _live(request, drive).between(first, last).order_by("starts_on", "pk")
    rows = decorate(found[:MOST], today)
    marks = marks_of(drive, first, last, request.user)
    context = page(
        drive,
        "drive_calendar",
        span=span,
        title=_title(span),
        steps=_steps(drive, span, today),
        rows=rows,
        marks=marks,
        today=today,
        may_plan=may_plan(request, drive),
        **(_month(span, rows, marks, today) if span.view == "month" else _lines(span, rows, marks, today)),
    )
    return render(request, "campaigns/activities/calendar.html", context)


def _edges(span: Span) -> tuple[dt.date, dt.date]:
    """A month shows whole weeks."""
    if span.view != "month":
        return span.first, span.last
    return span.first - dt.timedelta(6), span.last + dt.timedelta(6)


def _month(span: Span, rows: list[Activity], marks: list[Mark], today: dt.date) -> dict[str, Any]:
    weeks = weeks_of(span, rows, formats.current_locale().first_week_day)
    by_day: dict[dt.date, list[Mark]] = {}
    for mark in marks:
        by_day.setdefault(mark.on, []).append(mark)
    return {
        "weekdays": [formats.weekday(day) for day in weeks[0].days],
        "weeks": [
            {
                "bars": week.bars,
                "lanes": week.lanes,
                "hidden": week.hidden,
                "days": [
                    {
                        "day": day,
                        "inside": day.month == span.first.month,
                        "is_today": day == today,
                        "is_weekend": day.weekday() >= 5,
                        "marks": by_day.get(day, []),
                    }
                    for day in week.days
                ],
            }
            for week in weeks
        ],
    }


def _lines(span: Span, rows: list[Activity], marks: list[Mark], today: dt.date) -> dict[str, Any]:
    return {
        "lines": lines_of(span, rows),
        "months": [(month, formats.month(month, short=span.view == "year")) for month in span.months],
        "starts": [(month - span.first).days for month in span.months[1:]],
        "today_at": (today - span.first).days if span.first <= today <= span.last else None,
        "mark_at": [(mark, (mark.on - span.first).days) for mark in marks if span.first <= mark.on <= span.last],
    }


def _title(span: Span) -> str:
    if span.view == "year":
        return str(span.first.year)
    if span.view == "month":
        return formats.month(span.first)
    return f"{formats.month(span.months[0])} – {formats.month(span.months[-1])}"


def _steps(drive: Drive, span: Span, today: dt.date) -> dict[str, Any]:
    """Addresses of the calendar's other pages."""

    def url(view: str, month: dt.date | None) -> str:
        asked = urlencode({"view": view, "month": f"{month:%Y-%m}"}) if month else ""
        return f"{reverse('drive_calendar', args=[drive.uid])}?{asked}" if month else ""

    names = {"month": _("Month"), "quarter": _("Quarter"), "year": _("Year")}
    inside = today.replace(day=1) if span.first <= today <= span.last else span.first
    return {
        "before": url(span.view, span.before),
        "after": url(span.view, span.after),
        "today": url(span.view, today),
        "views": [{"label": names[view], "url": url(view, inside), "current": view == span.view} for view in MONTHS],
    }


# --- list -------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_activities(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The list, narrowed to one drive."""
    drive = find_drive(request, uid)
    return HttpResponseRedirect(f"{reverse('activity_list')}?drive={drive.uid}")


@requires(Action.SEE)
def activity_list(request: StaffRequest) -> HttpResponseBase:
    """Activities of all drives, or of those that are chosen; with one of them chosen it is a page of that drive."""
    table = build("activities", request)
    chosen = request.GET.getlist("drive")
    drive = None
    if len(chosen) == 1:
        try:
            drive = (
                Drive.objects.visible_to(request.user).select_related("campaign").filter(uid=UUID(chosen[0])).first()
            )
        except ValueError:
            drive = None
    return list_page(
        request,
        "campaigns/activities/activity_list.html",
        table=table,
        filters=table.filters,
        may_plan=request.user.may(Action.DRIVES),
        may_plan_here=drive is not None and may_plan(request, drive),
        users=colleagues() if request.user.may(Action.DRIVES) else [],
        states=State.choices,
        **(page(drive, "drive_activities") if drive else {}),
    )


@requires(Action.DRIVES)
@require_POST
def activities_change(request: StaffRequest) -> HttpResponse:
    """Those that are ticked get an owner, a state, or other days."""
    rows = Activity.objects.visible_to(request.user, Action.DRIVES).live()
    picked = selected(request, rows, filters=ActivityFilters)
    what = request.POST.get("change", "")
    form = ManyForm(request.POST)
    if not form.is_valid() or what not in {"owner", "state", "days"} or not form.cleaned_data.get(what):
        raise Invalid(_("Say what is to change: an owner, a state, or by how many days. Nothing was changed."))
    value = form.cleaned_data[what]
    entry, count = services.change_many(
        rows=picked[: services.MANY],
        actor=request.user,
        owner=value if what == "owner" else None,
        state=State(value) if what == "state" else None,
        days=value if what == "days" else 0,
    )
    if entry is None:
        toast(request, _("Nothing was to change there."), level="info")
    else:
        words = ngettext("%(n)s activity changed.", "%(n)s activities changed.", count)
        toast(request, words % {"n": formats.number(count)}, undo=entry)
    return done(request, _back(request))


def _back(request: StaffRequest) -> str:
    """The list as it was filtered."""
    back = request.META.get("HTTP_REFERER", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return back if safe else reverse("activity_list")
