"""Mission reports: the list, the draft that keeps itself, filing, and the report to read."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.interactions.services import Guarded
from campaigns.missions import services
from campaigns.missions.forms import HeadForm, NewMissionForm, Report, keys_of, next_key
from campaigns.missions.lists import SOURCE
from campaigns.missions.models import Mission
from campaigns.missions.presenting import meetings_of
from campaigns.missions.printing import mission_pdf
from campaigns.outreach.tabs import outreach_tabs
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

UNSAVED = {"csrfmiddlewaretoken", "do", "version", "tab"}


@requires(Action.SEE)
@require_safe
def mission_list(request: StaffRequest) -> HttpResponseBase:
    table = build(SOURCE, request)
    return list_page(
        request, "campaigns/missions/mission_list.html", table=table, filters=table.filters,
        tabs=outreach_tabs(request.user, "mission_list"), may_write=request.user.may(Action.LOG),
    )  # fmt: skip


@requires(Action.LOG)
def mission_create(request: StaffRequest) -> HttpResponse:
    form = NewMissionForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        values = dict(form.cleaned_data)
        try:
            mission = services.start_mission(actor=request.user, form_key=values.pop("key"), **values)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return done(request, reverse("mission_edit", args=[mission.uid]))
    return form_page(request, "campaigns/missions/mission_form.html", {"back": reverse("mission_list")}, form=form)


def _find(request: StaffRequest, uid: UUID) -> Mission:
    return get_object_or_404(Mission.objects.visible_to(request.user).select_related("author", "drive"), uid=uid)


# --- the draft --------------------------------------------------------------------------------------------------------------
def _data_of(mission: Mission) -> QueryDict:
    """What the form was last sent with; of a new report, its head."""
    data = QueryDict(mutable=True)
    typed = json.loads(mission.draft) if mission.draft else {}
    for name, values in typed.items():
        data.setlist(name, values)
    if not typed:
        data.update(
            {"title": mission.title, "starts_on": mission.starts_on.isoformat(), "ends_on": mission.ends_on.isoformat()}
        )
        data["drive"] = str(mission.drive.uid) if mission.drive else ""
    return data


def _typed(request: StaffRequest) -> dict[str, list[str]]:
    return {name: request.POST.getlist(name) for name in request.POST if name not in UNSAVED}


def _keep(request: StaffRequest, mission: Mission, typed: dict[str, list[str]]) -> Mission:
    head = HeadForm(request.POST, user=request.user)
    header = dict(head.cleaned_data) if head.is_valid() else {}
    header["summary"] = request.POST.get("summary", "").replace("\x00", "")[:20_000]
    version = request.POST.get("version", "")
    return services.keep_draft(
        mission=mission, actor=request.user, data=typed, header=header,
        version=int(version) if version.isdecimal() and len(version) < 9 else -1, tab=_uid(request.POST.get("tab", "")),
    )  # fmt: skip


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@requires(Action.LOG)
def mission_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One page for the whole trip. `do`: keep, add, remove:<key> or file."""
    mission = _find(request, uid)
    if not mission.is_draft or mission.discarded_at or mission.author_id != request.user.pk:
        return redirect("mission_detail", uid=mission.uid)
    if request.method != "POST":
        data = _data_of(mission)
        return _page(request, Report.of(mission, request.user, data, keys=keys_of(data) or ["m1"]).only_show())
    typed, do = _typed(request), request.POST.get("do", "keep")
    keys = keys_of(request.POST)
    if do == "add":
        keys = [*keys, next_key(keys)]
    if do.startswith("remove:"):
        keys = [key for key in keys if key != do.removeprefix("remove:")]
    typed["meeting"] = keys
    report = Report.of(mission, request.user, request.POST, keys=keys)
    try:
        report.mission = mission = _keep(request, mission, typed)
    except DomainError as error:
        if isinstance(error, NotAllowed):
            raise
        mission.version = error.data["current"] if isinstance(error, StaleEdit) else mission.version
        report.only_show().head.add_error(None, error.message)
        return _page(request, report, status=409 if isinstance(error, StaleEdit) else 422)
    if do == "file":
        return _file(request, report)
    if do == "keep":
        toast(request, _("Kept as a draft. Close the tab if you like."))
    return redirect(f"{request.path}#{keys[-1] if do == 'add' else 'top'}")


def _file(request: StaffRequest, report: Report) -> HttpResponse:
    if report.is_whole():
        met = [meeting.met() for meeting in report.meetings]
        reason = report.head.cleaned_data["override_reason"]
        try:
            entry = services.file_mission(
                mission=report.mission, actor=request.user, meetings=met, override_reason=reason
            )
        except DomainError as error:
            if isinstance(error, NotAllowed):
                raise
            report.refuse(error.data.get("meeting"), error.message, is_guarded=isinstance(error, Guarded))
        else:
            toast(request, _("Filed: meetings, positions, promises and next steps are logged."), undo=entry)
            return redirect("mission_detail", uid=report.mission.uid)
    return _page(request, report, status=422)


def _page(request: StaffRequest, report: Report, *, status: int = 200) -> HttpResponse:
    context = {"report": report, "mission": report.mission, "is_refused": status == 422}
    return render(request, "campaigns/missions/mission_edit.html", context, status=status)


@requires(Action.LOG)
@require_POST
def mission_keep(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What the page sends by itself while somebody types."""
    mission, typed = _find(request, uid), _typed(request)
    typed["meeting"] = keys_of(request.POST)
    context: dict[str, Any] = {"at": timezone.now()}
    try:
        context["version"] = _keep(request, mission, typed).version
    except DomainError as error:
        if isinstance(error, NotAllowed):
            raise
        context["refused"] = error.message
    return render(request, "campaigns/missions/_kept.html", context)


@requires(Action.LOG)
@require_POST
def mission_discard(request: StaffRequest, uid: UUID) -> HttpResponse:
    entry = services.discard_mission(mission=_find(request, uid), actor=request.user)
    toast(request, _("Discarded."), undo=entry)
    return done(request, reverse("mission_list"))


# --- the report -------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def mission_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    mission = _find(request, uid)
    is_open = mission.is_draft and not mission.discarded_at
    if is_open and mission.author_id == request.user.pk and request.user.may(Action.LOG):
        return redirect("mission_edit", uid=mission.uid)
    context = {"mission": mission, "meetings": meetings_of(mission, request.user)}
    return render(request, "campaigns/missions/mission_detail.html", context)


@requires(Action.SEE)
@require_safe
def mission_print(request: StaffRequest, uid: UUID) -> HttpResponse:
    mission = _find(request, uid)
    name = slugify(mission.title)[:60] or "mission"
    return HttpResponse(
        mission_pdf(mission, meetings_of(mission, request.user)),
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "private, no-store"},
    )
