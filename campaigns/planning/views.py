"""Campaigns and drives: lists, pages, forms, and the institutions behind a drive's numbers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.mailings.models import Mailing
from campaigns.mailings.presenting import colour
from campaigns.planning import services, worldmap
from campaigns.planning.cells import Writer
from campaigns.planning.forms import CampaignForm, DriveForm, WeightsForm, refused
from campaigns.planning.grid import countries_of, grid_of
from campaigns.planning.lists import COLOURS
from campaigns.planning.measures import MEASURES, legend_of
from campaigns.planning.models import Campaign, Drive
from campaigns.planning.tabs import tabs_of
from campaigns.planning.today import coming, running
from campaigns.planning.worklist import ranked, shown_weights, weights_of
from campaigns.positions.models import Ask
from contacts.directory.coverage import indicator
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.toasts import toast

STEPS_SHOWN = 6
MAILINGS_SHOWN = 20
WORKLIST_SHOWN = 100


# --- drives -----------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def drive_list(request: StaffRequest) -> HttpResponseBase:
    table = build("drives", request)
    campaigns = Campaign.objects.visible_to(request.user).filter(archived_at=None).order_by("sort_key")
    return list_page(
        request,
        "campaigns/planning/drive_list.html",
        table=table,
        filters=table.filters,
        campaigns=list(campaigns[:8]),
        may_plan=request.user.may(Action.DRIVES),
    )


@requires(Action.SEE)
def drives_today(request: StaffRequest) -> HttpResponse:
    """The numbers of the running drives, for the card on Today."""
    return render(request, "campaigns/planning/_today_drives.html", {"drives": running(request.user)})


@requires(Action.SEE)
def coming_today(request: StaffRequest) -> HttpResponse:
    """What lies ahead, for its card on Today."""
    return render(request, "campaigns/planning/_today_coming.html", {"items": coming(request.user)})


@requires(Action.DRIVES)
def drive_create(request: StaffRequest) -> HttpResponse:
    """A new drive. `?campaign=<uid>` says of which campaign, `?template=` what it begins from."""
    initial = {
        "campaign": request.GET.get("campaign", "") or _only_campaign(request.user),
        "owner": request.user.uid,
        "starts_on": timezone.localdate(),
    }
    form = DriveForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "seen_at"}
        try:
            drive = services.create_drive(actor=request.user, **values)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is planned.") % {"name": drive.name})
            if template := request.GET.get("template", ""):
                return done(request, f"{reverse('plan_begin', args=[drive.uid])}?{urlencode({'template': template})}")
            return done(request, reverse("drive_detail", args=[drive.uid]))
    return _drive_form(request, form, _("New drive"), reverse("drive_list"))


def _only_campaign(user: User) -> str:
    """Where there is one campaign, nobody has to choose it."""
    uids = Campaign.objects.visible_to(user, Action.DRIVES).filter(archived_at=None).values_list("uid", flat=True)[:2]
    return str(uids[0]) if len(uids) == 1 else ""


@requires(Action.DRIVES)
def drive_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = _plannable(request, uid)
    form = DriveForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=DriveForm.initial_of(drive)
    )
    back = reverse("drive_detail", args=[drive.uid])
    if form.is_valid():
        try:
            entry = services.edit_drive(drive=drive, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": drive.name}, undo=entry)
            return done(request, back)
    return _drive_form(request, form, drive.label, back)


def _drive_form(request: StaffRequest, form: DriveForm, title: str, back: str) -> HttpResponse:
    context = {"title": title, "back": back, "has_campaign": Campaign.objects.filter(archived_at=None).exists()}
    return form_page(request, "campaigns/planning/drive_form.html", context, form=form)


def _plannable(request: StaffRequest, uid: UUID) -> Drive:
    drive = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign", "owner"), uid=uid)
    if not Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists():
        raise NotAllowed(_("You may see this drive, but your role does not let you change it."))
    return drive


@requires(Action.DRIVES)
@require_POST
def drive_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = _plannable(request, uid)
    entry = services.archive_drive(drive=drive, actor=request.user)
    toast(request, _("%(name)s is archived.") % {"name": drive.name}, undo=entry)
    return done(request, reverse("drive_list"))


@requires(Action.SEE)
def drive_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The drive's grid, coloured by a measure (`?colour=position&ask=<uid>`), its mailings, and whom to turn to next."""
    drive = _visible(request, uid)
    mailings, shown, number = _mailings(drive)
    countries = countries_of(drive, request.user)
    asks = list(Ask.objects.filter(drive=drive, archived_at=None).in_order())
    ask = next((a for a in asks if str(a.uid) == request.GET.get("ask")), asks[0] if asks else None)
    measure = request.GET.get("colour", "")
    measure = measure if measure in MEASURES else "reached"
    grid = grid_of(drive, countries=countries, mailings=mailings, ask=ask.pk if ask else None)
    now = timezone.now()
    may_add = request.user.may(Action.EDIT_DIRECTORY)
    writer = Writer(drive, measure, now, may_add=may_add)
    context = {
        "drive": drive,
        "tabs": tabs_of(drive, "drive_detail"),
        "colour": COLOURS[drive.status],
        "grid": grid,
        "rows": [writer.row(row, grid.constituencies) for row in grid.rows],
        "measures": _choices(drive, measure, asks, ask),
        "measure": MEASURES[measure],
        "ask": ask if measure == "position" else None,
        "legend": legend_of(measure),
        "steps": ranked(drive, grid, now=now, may_log=request.user.may(Action.LOG), may_add=may_add, limit=STEPS_SHOWN),
        "hidden_countries": drive.countries.count() - len(countries),
        "blind_spots": len(grid.missing),
        "mailings": shown,
        "mailing_count": number,
        "more_mailings": max(0, number - MAILINGS_SHOWN),
        "days_left": (drive.ends_on - timezone.localdate()).days,
        "indicator": indicator(),
        "may_plan": Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists(),
        "may_write": request.user.may(Action.WRITE),
        "institutions_url": reverse("drive_institutions", args=[drive.uid]),
    }
    return render(request, "campaigns/planning/drive_detail.html", context)


def _visible(request: StaffRequest, uid: UUID) -> Drive:
    rows = Drive.objects.visible_to(request.user).select_related("campaign", "owner")
    drive: Drive = get_object_or_404(rows, uid=uid)
    return drive


def _choices(drive: Drive, measure: str, asks: list[Ask], ask: Ask | None) -> list[dict[str, Any]]:
    """What the grid can be coloured by; positions once for each ask."""
    url = reverse("drive_detail", args=[drive.uid])
    found: list[dict[str, Any]] = []
    for name, words in MEASURES.items():
        if name == "position":
            found += [
                {"label": f"{words}: {a.label}", "url": f"{url}?colour=position&ask={a.uid}", "current": measure == name and a == ask}
                for a in asks
            ]  # fmt: skip
        else:
            found.append({"label": words, "url": f"{url}?colour={name}", "current": measure == name})
    return found


def _grid(drive: Drive, request: StaffRequest) -> Any:
    """The grid for the pages beside it, with the positions on the drive's first ask."""
    mailings = list(drive.mailings.values_list("pk", flat=True))
    ask = Ask.objects.filter(drive=drive, archived_at=None).in_order().values_list("pk", flat=True).first()
    return grid_of(drive, countries=countries_of(drive, request.user), mailings=mailings, ask=ask)


@requires(Action.SEE)
def drive_next(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The worklist: every cell by how much it needs somebody, with its reasons and the next step."""
    drive = _visible(request, uid)
    may_add, may_log = request.user.may(Action.EDIT_DIRECTORY), request.user.may(Action.LOG)
    steps = ranked(
        drive, _grid(drive, request), now=timezone.now(), may_log=may_log, may_add=may_add, limit=WORKLIST_SHOWN
    )
    context = {
        "drive": drive,
        "tabs": tabs_of(drive, "drive_next"),
        "steps": steps,
        "weights": shown_weights(weights_of(drive)),
        "may_plan": Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists(),
    }
    return render(request, "campaigns/planning/drive_next.html", context)


@requires(Action.DRIVES)
def drive_weights(request: StaffRequest, uid: UUID) -> HttpResponse:
    """How much each reason counts in the drive's worklist."""
    drive = _plannable(request, uid)
    shown = shown_weights(weights_of(drive))
    form = WeightsForm(request.POST if request.method == "POST" else None, weights=shown)
    back = reverse("drive_next", args=[drive.uid])
    if form.is_valid():
        entry = services.set_weights(drive=drive, actor=request.user, **form.cleaned_data)
        toast(request, _("The worklist ranks anew."), undo=entry)
        return done(request, back)
    hint = _(
        "Each reason is a number from 0 to 1. It counts as one plus its weight times that number, and the reasons multiply."
    )
    context = {
        "base": base_template(request),
        "title": _("How it ranks"),
        "submit": _("Save"),
        "back": back,
        "hint": hint,
    }
    return form_page(request, "contacts/directory/part_form.html", context, form=form)


@requires(Action.SEE)
def drive_map(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The drive's countries on the world map, by a measure and a year."""
    drive = _visible(request, uid)
    measure = request.GET.get("measure", "")
    measure = measure if measure in worldmap.MEASURES else "coverage"
    year = request.GET.get("year", "")
    chosen = int(year) if year.isascii() and year.isdecimal() and len(year) == 4 else None
    found = worldmap.map_of(drive, request.user, measure=measure, year=chosen)
    context = {
        "drive": drive,
        "tabs": tabs_of(drive, "drive_map"),
        "map": found,
        "title": worldmap.title_of(measure, found.year),
        "choices": worldmap.choices(drive, measure),
        "measure": measure,
        "ask": found.ask,
        "indicator": indicator() if measure == "coverage" else None,
    }
    return render(request, "campaigns/planning/drive_map.html", context)


def _mailings(drive: Drive) -> tuple[list[int], list[Mailing], int]:
    """Ids of all that the drive sent, messages to one person too; the newest mailings, without the compiled content that only workers
    need; and how many mailings there are: a message to one stands in the log."""
    rows = drive.mailings.defer("frozen_with").order_by("-created_at", "-pk")
    shown = list(rows.filter(is_personal=False)[:MAILINGS_SHOWN])
    for mailing in shown:
        vars(mailing)["colour"] = colour(mailing.state)
    keys = list(rows.values_list("pk", "is_personal"))
    return [pk for pk, _is_personal in keys], shown, sum(not is_personal for _pk, is_personal in keys)


@requires(Action.SEE)
def drive_institutions(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """The institutions behind the grid's numbers."""
    drive = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign"), uid=uid)
    table = build("institutions", request, drive=str(uid))
    return list_page(
        request,
        "campaigns/planning/drive_institutions.html",
        table=table,
        filters=table.filters,
        drive=drive,
    )


# --- campaigns --------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def campaign_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Goal, pillars, facts with their sources, and its drives."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user).prefetch_related("pillars"), uid=uid)
    drives = Drive.objects.visible_to(request.user).filter(campaign=campaign, archived_at=None).select_related("owner")
    context = {
        "campaign": campaign,
        "drives": [
            {"drive": drive, "colour": COLOURS[drive.status]} for drive in drives.order_by("-starts_on", "-pk")[:50]
        ],
        "may_plan": Campaign.objects.visible_to(request.user, Action.DRIVES).filter(pk=campaign.pk).exists(),
    }
    return render(request, "campaigns/planning/campaign_detail.html", context)


@requires(Action.DRIVES)
def campaign_create(request: StaffRequest) -> HttpResponse:
    if any(pair.campaigns for pair in request.user.scope(Action.DRIVES).pairs) and not any(
        not pair.campaigns for pair in request.user.scope(Action.DRIVES).pairs
    ):
        raise NotAllowed(_("Your role is limited to certain campaigns, so you cannot begin another one."))
    form = CampaignForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "seen_at"}
        campaign = services.create_campaign(actor=request.user, **values)
        toast(request, _("%(name)s added.") % {"name": campaign.name})
        return done(request, reverse("campaign_detail", args=[campaign.uid]))
    return _campaign_form(request, form, _("New campaign"), reverse("drive_list"))


@requires(Action.DRIVES)
def campaign_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user), uid=uid)
    if not Campaign.objects.visible_to(request.user, Action.DRIVES).filter(pk=campaign.pk).exists():
        raise NotAllowed(_("You may see this campaign, but your role does not let you change it."))
    form = CampaignForm(request.POST if request.method == "POST" else None, initial=CampaignForm.initial_of(campaign))
    back = reverse("campaign_detail", args=[campaign.uid])
    if form.is_valid():
        try:
            entry = services.edit_campaign(campaign=campaign, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": campaign.name}, undo=entry)
            return done(request, back)
    return _campaign_form(request, form, campaign.label, back)


def _campaign_form(request: StaffRequest, form: CampaignForm, title: str, back: str) -> HttpResponse:
    context = {"title": title, "back": back, "base": base_template(request)}
    return form_page(request, "campaigns/planning/campaign_form.html", context, form=form)
