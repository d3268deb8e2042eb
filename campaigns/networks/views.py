"""Networks for staff: the list, one with its members and who waits, the form, and the decision on an application."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.forms.engine import builder_url
from campaigns.networks import growth, matching, services
from campaigns.networks.comparing import side_by_side
from campaigns.networks.forms import DecisionForm, DeclineForm, NetworkForm
from campaigns.networks.mapping import network_map
from campaigns.networks.models import Application, Kind, Member, Network, Representative
from campaigns.planning.forms import refused
from campaigns.planning.models import Campaign
from contacts.directory.models import Organization, Person
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

TABS = ("members", "waiting", "decided", "growth", "map")
TOP = 12  # rows of each table beside the map; `?whole=` names the one that is shown whole


@requires(Action.SEE)
def network_list(request: StaffRequest) -> HttpResponseBase:
    table = build("networks", request)
    context = {"may_plan": request.user.may(Action.DRIVES)}
    return list_page(request, "campaigns/networks/network_list.html", table=table, filters=table.filters, **context)


@requires(Action.SEE)
def network_detail(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """`?tab=waiting` and `?tab=decided` show applications, `growth` charts, `map` where they are; otherwise its members."""
    network = _network(request, uid)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "members"
    base = reverse("network_detail", args=[uid])
    applications = Application.objects.visible_to(request.user).filter(network=network)
    named = Representative.objects.visible_to(request.user).to_decide().filter(member__network=network)
    waiting = applications.waiting().count() + named.count()
    context: dict[str, Any] = {
        "network": network,
        "tab": tab,
        "tabs": [
            {"label": _("Members"), "url": base, "current": tab == "members"},
            {"label": _("To decide"), "url": f"{base}?tab=waiting", "current": tab == "waiting", "count": waiting},
            {"label": _("Decided"), "url": f"{base}?tab=decided", "current": tab == "decided"},
            {"label": _("Growth"), "url": f"{base}?tab=growth", "current": tab == "growth"},
            {"label": _("Map"), "url": f"{base}?tab=map", "current": tab == "map"},
        ],
        "may_plan": _may_plan(request, network),
        "page_url": settings.BASE_URL + reverse("network_join", args=[network.slug]),
    }
    if tab == "members":
        table = build("network_members", request, network=str(uid))
        return list_page(
            request, "campaigns/networks/network_detail.html", table=table, filters=table.filters, **context
        )
    if tab in {"growth", "map"}:
        return _drawn(request, network, tab, context)
    state = (
        [Application.State.CONFIRMED] if tab == "waiting" else [Application.State.ACCEPTED, Application.State.DECLINED]
    )
    rows = applications.filter(state__in=state).select_related("country", "decided_by", "member")
    sort = ["confirmed_at", "id"] if tab == "waiting" else ["-decided_at", "-id"]
    context["page"] = paginate(request, rows, sort=sort, size=30)
    if tab == "waiting":
        context["named"] = list(
            named.select_related("member__organization", "member__network", "person", "named_by")[:30]
        )
    return render(request, "campaigns/networks/network_detail.html", context)


def _drawn(request: StaffRequest, network: Network, tab: str, context: dict[str, Any]) -> HttpResponse:
    if tab == "growth":
        activity = growth.activity(network, request.user)
        sums = growth.totals_of(activity)
        base = reverse("network_detail", args=[network.uid])
        context |= {
            "growth": growth.growth(network, request.user),
            "activity": activity,
            "bands": [(words, sums[code], f"{base}?sign={code}") for code, words in growth.BANDS],
        }
    else:
        context |= {"map": network_map(network, request.user), "whole": request.GET.get("whole", ""), "top": TOP}
    return render(request, f"campaigns/networks/network_{tab}.html", context)


@requires(Action.DRIVES)
def network_create(request: StaffRequest) -> HttpResponse:
    initial = {"campaign": request.GET.get("campaign", "")}
    form = NetworkForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if form.is_valid():
        try:
            network = services.create_network(actor=request.user, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s is there. Open its page when the texts are right.") % {"name": network.label})
            return done(request, reverse("network_detail", args=[network.uid]))
    return _form(request, form, _("New network"), reverse("network_list"))


@requires(Action.DRIVES)
@require_POST
def network_questions(request: StaffRequest, uid: UUID) -> HttpResponse:
    """To where its joining questions are built."""
    network = _editable(request, uid)
    form = services.ask_questions(network=network, actor=request.user)
    return done(request, builder_url(form))


@requires(Action.DRIVES)
def network_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    network = _editable(request, uid)
    form = NetworkForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=NetworkForm.initial_of(network)
    )
    back = reverse("network_detail", args=[uid])
    if form.is_valid():
        try:
            entry = services.edit_network(
                network=network, actor=request.user, seen_at=form.cleaned_data["seen_at"], **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("%(name)s saved.") % {"name": network.label}, undo=entry)
            return done(request, back)
    return _form(request, form, network.label, back)


def _form(request: StaffRequest, form: NetworkForm, title: str, back: str) -> HttpResponse:
    context = {"title": title, "back": back, "has_campaign": Campaign.objects.filter(archived_at=None).exists()}
    return form_page(request, "campaigns/networks/network_form.html", context, form=form)


@requires(Action.DRIVES)
@require_POST
def network_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    network = _editable(request, uid)
    entry = services.archive_network(network=network, actor=request.user)
    toast(request, _("%(name)s is closed: nobody can join any more.") % {"name": network.label}, undo=entry)
    return done(request, reverse("network_list"))


# --- applications -----------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def application_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What somebody says of themselves, and beside it whom we know who may be the same."""
    return _application_page(request, _application(request, uid), DecisionForm(), DeclineForm())


@requires(Action.DRIVES)
@require_POST
def application_accept(request: StaffRequest, uid: UUID) -> HttpResponse:
    application = _decidable(request, uid)
    form = DecisionForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            member = services.accept(
                application=application,
                actor=request.user,
                person=_chosen(Person.objects.active().visible_to(request.user), data["person"]),
                organization=_chosen(Organization.objects.active().visible_to(request.user), data["organization"]),
                constituency=data["constituency"],
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("%(name)s is a member. A welcome is on its way.") % {"name": member.label})
            return done(request, _next(application))
    return _application_page(request, application, form, DeclineForm(), status=422)


@requires(Action.DRIVES)
@require_POST
def application_decline(request: StaffRequest, uid: UUID) -> HttpResponse:
    application = _decidable(request, uid)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _application_page(request, application, DecisionForm(), form, status=422)
    entry = services.decline(application=application, actor=request.user, reason=form.cleaned_data["reason"])
    toast(request, _("Declined. The letter leaves in five minutes."), undo=entry)
    return done(request, _next(application))


def _next(application: Application) -> str:
    return f"{reverse('network_detail', args=[application.network.uid])}?tab=waiting"


def _chosen(rows: Any, uid: UUID | None) -> Any:
    return get_object_or_404(rows, uid=uid) if uid else None


def _application_page(
    request: StaffRequest, application: Application, form: DecisionForm, refusal: DeclineForm, *, status: int = 200
) -> HttpResponse:
    is_open = application.state == Application.State.CONFIRMED
    people = matching.people_like(application, request.user) if is_open else []
    organizations = matching.organizations_like(application, request.user) if is_open else []
    if application.constituency and not form.is_bound:
        form.initial["constituency"] = application.constituency.code
    context = {
        "application": application,
        "network": application.network,
        "is_open": is_open,
        "is_institution": application.kind == Kind.INSTITUTION,
        "people": people,
        "organizations": organizations,
        "comparisons": side_by_side(application, organizations, people),
        "person_uid": form["person"].value() or next((str(s.row.uid) for s in people if s.is_sure), ""),
        "organization_uid": form["organization"].value() or next((str(s.row.uid) for s in organizations if s.is_sure), ""),
        "told": application.said(get_language() or "en"),
        "letters": list(application.letters.order_by("due_at")),
        "votes": list(application.votes.select_related("member__organization", "member__person").order_by("answered_at", "pk")),
        "form": form,
        "refusal": refusal,
        "may_plan": _may_plan(request, application.network),
    }  # fmt: skip
    return render(request, "campaigns/networks/application.html", context, status=status)


# --- members ----------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
@require_POST
def member_end(request: StaffRequest, uid: UUID) -> HttpResponse:
    member = get_object_or_404(Member.objects.visible_to(request.user).select_related("network", "organization", "person"), uid=uid)  # fmt: skip
    if not Member.objects.visible_to(request.user, Action.DRIVES).filter(pk=member.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    entry = services.end_membership(member=member, actor=request.user)
    toast(request, _("%(name)s is no longer a member.") % {"name": member.label}, undo=entry)
    return done(request, reverse("network_detail", args=[member.network.uid]))


# --- who may ----------------------------------------------------------------------------------------------------------
def _network(request: StaffRequest, uid: UUID) -> Network:
    return get_object_or_404(Network.objects.visible_to(request.user).select_related("campaign", "topic"), uid=uid)


def _may_plan(request: StaffRequest, network: Network) -> bool:
    return Network.objects.visible_to(request.user, Action.DRIVES).filter(pk=network.pk).exists()


def _editable(request: StaffRequest, uid: UUID) -> Network:
    network = _network(request, uid)
    if not _may_plan(request, network):
        raise NotAllowed(_("You may see this network, but your role does not let you change it."))
    return network


def _application(request: StaffRequest, uid: UUID) -> Application:
    rows = Application.objects.visible_to(request.user).select_related(
        "network__campaign", "network__topic", "network__form", "country", "constituency", "decided_by", "member", "brought_by__organization",
        "brought_by__person",
    )  # fmt: skip
    return get_object_or_404(rows, uid=uid)


def _decidable(request: StaffRequest, uid: UUID) -> Application:
    application = _application(request, uid)
    if not Application.objects.visible_to(request.user, Action.DRIVES).filter(pk=application.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return application
