"""One member for staff: who acts for it, what it is asked, whom it brought; and the decisions on who is named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.networks import representatives, services
from campaigns.networks.forms import RepresentativeForm
from campaigns.networks.links import member_url
from campaigns.networks.models import Member, NetworkLetter, Representative
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.responses import done
from crm.ui.toasts import toast

SHOWN = 50


@requires(Action.SEE)
def member_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _page(request, _member(request, uid), RepresentativeForm())


def _page(request: StaffRequest, member: Member, form: RepresentativeForm, *, status: int = 200) -> HttpResponse:
    may_plan = _may_plan(request, member)
    brought = Member.objects.visible_to(request.user).filter(brought_by=member).select_related("organization", "person")
    context: dict[str, Any] = {
        "member": member,
        "network": member.network,
        "people": list(member.representatives.select_related("person", "named_by").order_by("state", "created_at", "pk"))
        if member.organization_id
        else [],
        "brought": list(brought.order_by("-joined_at")[:SHOWN]),
        "problems": list(
            NetworkLetter.objects.filter(member=member).exclude(problem="").order_by("-due_at")[:5]
        ),
        "form": form,
        "may_plan": may_plan,
        "link": member_url(member) if may_plan and member.left_at is None else "",
        "today": timezone.localdate(),
    }  # fmt: skip
    return render(request, "campaigns/networks/member_detail.html", context, status=status)


@requires(Action.DRIVES)
@require_POST
def member_decides(request: StaffRequest, uid: UUID) -> HttpResponse:
    member = _changeable(request, uid)
    entry = services.let_decide(member=member, decides="decides" in request.POST, actor=request.user)
    toast(request, _("Saved."), undo=entry)
    return done(request, reverse("member_detail", args=[uid]))


@requires(Action.DRIVES)
@require_POST
def representative_name(request: StaffRequest, uid: UUID) -> HttpResponse:
    member, form = _changeable(request, uid), RepresentativeForm(request.POST)
    if form.is_valid():
        try:
            row = representatives.name_representative(member=member, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            toast(request, _("%(name)s acts for %(member)s now.") % {"name": row.label, "member": member.label})
            return done(request, reverse("member_detail", args=[uid]))
    return _page(request, member, form, status=422)


ACTS = {
    "accept": lambda row, actor: representatives.accept_representative(representative=row, actor=actor),
    "decline": lambda row, actor: representatives.decline_representative(representative=row, actor=actor),
    "end": lambda row, actor: representatives.end_representative(representative=row, actor=actor),
    "keep": lambda row, actor: representatives.keep_representative(representative=row, actor=actor),
    "trust": lambda row, actor: representatives.set_admin(representative=row, is_admin=True, actor=actor),
    "distrust": lambda row, actor: representatives.set_admin(representative=row, is_admin=False, actor=actor),
}


@requires(Action.DRIVES)
@require_POST
def representative_act(request: StaffRequest, uid: UUID, do: str) -> HttpResponse:
    """accept, decline, end, keep, trust (administrator), distrust."""
    rows = Representative.objects.visible_to(request.user).select_related("member__network", "person")
    row = get_object_or_404(rows, uid=uid)
    if not Representative.objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    act = ACTS.get(do)
    if act is not None:
        act(row, request.user)
        toast(request, _("Saved."))
    return done(request, _back(request, row))


def _back(request: HttpRequest, row: Representative) -> str:
    if request.POST.get("from") == "waiting":
        return f"{reverse('network_detail', args=[row.member.network.uid])}?tab=waiting"
    return reverse("member_detail", args=[row.member.uid])


def _member(request: StaffRequest, uid: UUID) -> Member:
    rows = Member.objects.visible_to(request.user).with_last_sign().select_related(
        "network__campaign", "organization__country", "person__country", "contact", "brought_by__organization",
        "brought_by__person",
    )  # fmt: skip
    return get_object_or_404(rows, uid=uid)


def _may_plan(request: StaffRequest, member: Member) -> bool:
    return Member.objects.visible_to(request.user, Action.DRIVES).filter(pk=member.pk).exists()


def _changeable(request: StaffRequest, uid: UUID) -> Member:
    member = _member(request, uid)
    if not _may_plan(request, member):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return member
