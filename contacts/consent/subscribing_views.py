"""Staff ask for permissions, record many at once, and see what became of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.consent import services
from contacts.consent.forms import AskForm, SubscribeForm
from contacts.consent.models import OptInRequest, Outcome, SubjectKind, SubscriptionRun
from contacts.consent.services.judging import MODELS
from contacts.directory.lists import OrganizationFilters, PersonFilters
from contacts.directory.models import Organization, Person
from contacts.directory.views.access import back_or, editable, page_url
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page
from crm.ui.tables import selected
from crm.ui.toasts import toast


@requires(Action.EDIT_DIRECTORY)
def consent_ask(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """Ask one person or organization by mail for a permission."""
    if kind not in MODELS:
        kind = SubjectKind.PERSON  # an unknown kind has no such row
    row = editable(request, MODELS[kind].objects, uid)
    form = AskForm(request.POST or None, initial={"topic": request.GET.get("topic", "")})
    if request.method == "POST" and form.is_valid():
        try:
            services.ask_permission(subject=row, actor=request.user, **form.cleaned_data)
        except DomainError as refused:
            form.add_error(None, refused.message)
        else:
            toast(request, _("A mail asks them. The permission is recorded when they confirm it."))
            return done(request, back_or(request, page_url(row)))
    hint = _("%(name)s gets a mail with a link. Until they press the button behind it, nothing is recorded.")
    context = {
        "title": _("Ask for a permission by mail"),
        "hint": hint % {"name": row.label},
        "submit": _("Ask them"),
        "back": page_url(row),
    }
    return form_page(request, "contacts/consent/permission_form.html", context, form=form)


# --- many at once -----------------------------------------------------------------------------------------------------
@requires(Action.BULK)
def subscribe(request: StaffRequest) -> HttpResponse:
    """Bulk action of the lists of people and organizations (`?kind=`), and of a list's or a segment's page (`?list=`,
    `?segment=`). The first request shows the form; the second, with `go`, subscribes."""
    rows, label = _selection(request)
    going = request.POST.get("go") == "1"
    form = SubscribeForm(request.POST if going else None)
    if going and form.is_valid():
        run = services.subscribe(rows=rows, label=label, actor=request.user, **form.cleaned_data)
        return redirect("subscription_detail", uid=run.uid)
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name in {"pick", "all"} or name.startswith("_")
        for value in values
    ]
    context = {"kept": kept, "label": label, "count": rows.count(), "back": back_or(request, reverse("person_list"))}
    return form_page(request, "contacts/consent/subscribe.html", context, form=form)


def _selection(request: StaffRequest) -> tuple[Any, str]:
    """Whom the request names, within the user's scope, and how that is called."""
    if uid := request.GET.get("list", ""):
        return _of_list(request, uid)
    if uid := request.GET.get("segment", ""):
        return _of_segment(request, uid)
    if request.GET.get("kind") == "organizations":
        organizations = Organization.objects.active().visible_to(request.user, Action.BULK)
        rows = selected(request, organizations, filters=OrganizationFilters)
        return rows, _("organizations chosen in the directory")
    people = Person.objects.active().visible_to(request.user, Action.BULK).with_place()
    return selected(request, people, filters=PersonFilters), _("people chosen in the directory")


def _of_list(request: StaffRequest, uid: str) -> tuple[Any, str]:
    from contacts.segments.models import ContactList, Selects

    found = get_object_or_404(ContactList.objects.visible_to(request.user), uid=_uid(uid))
    owner, model = ("person", Person) if found.selects == Selects.PEOPLE else ("organization", Organization)
    members = found.members.filter(**{f"{owner}__isnull": False}).values(f"{owner}_id")
    rows: Any = model.objects.active().visible_to(request.user, Action.BULK).filter(pk__in=members)
    return rows, found.name


def _of_segment(request: StaffRequest, uid: str) -> tuple[Any, str]:
    from contacts.segments.models import Segment
    from contacts.segments.tables import members_of

    found = get_object_or_404(Segment.objects.visible_to(request.user), uid=_uid(uid))
    return members_of(found, request.user.scope(Action.BULK).countries), found.name


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(_("The selection cannot be read, so nothing was done. Go back and choose again.")) from None


@requires(Action.BULK)
@require_safe
def subscription_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What became of a subscription: counts, and behind each the people (`?outcome=`), of those whom the user may see."""
    run = get_object_or_404(runs_visible_to(request.user).select_related("topic", "job", "owner"), uid=uid)
    counts: dict[str, int] = run.counts
    outcome = request.GET.get("outcome", "")
    model = MODELS[run.subject_kind]
    rows = run.rows.filter(outcome=outcome) if outcome in Outcome.values else run.rows.exclude(outcome="")
    subjects = model.objects.visible_to(request.user).filter(uid__in=rows.values("subject_uid"))
    page = paginate(request, subjects, sort=["sort_key", "id"])
    of = dict(run.rows.filter(subject_uid__in=[row.uid for row in page.rows]).values_list("subject_uid", "outcome"))
    for row in page.rows:
        vars(row).update(outcome=of.get(row.uid, ""), outcome_label=Outcome(of[row.uid]).label, page_url=page_url(row))
    parts: list[dict[str, Any]] = [
        {"code": choice.value, "label": choice.label, "count": counts[choice.value], "is_good": choice in _GOOD}
        for choice in Outcome
        if counts.get(choice.value)
    ]
    context = {
        "run": run,
        "parts": parts,
        "chosen": outcome,
        "page": page,
        "total": sum(counts.values()),
        "left_out": sum(part["count"] for part in parts if not part["is_good"]),
        "crumbs": [(_("Directory"), reverse("person_list"))],
    }
    return render(request, "contacts/consent/subscription.html", context)


_GOOD = {Outcome.GRANTED, Outcome.ASKED}


# --- questions that are under way -------------------------------------------------------------------------------------
@requires(Action.EDIT_DIRECTORY)
@require_safe
def request_list(request: StaffRequest) -> HttpResponse:
    """Requests for permission, newest first: the open ones, or all (`?all=1`)."""
    rows = requests_visible_to(request.user)
    if not request.GET.get("all"):
        rows = rows.filter(state__in=OptInRequest.OPEN)
    page = paginate(request, rows.select_related("topic", "asked_by"), sort=["-id"])
    named: dict[UUID, Any] = {}
    for model in MODELS.values():
        named.update({row.uid: row for row in model.objects.filter(uid__in=[one.subject_uid for one in page.rows])})
    for one in page.rows:
        row = named.get(one.subject_uid)
        vars(one).update(subject=row, subject_url=page_url(row) if row else "")
    context = {
        "page": page,
        "is_all": bool(request.GET.get("all")),
        "crumbs": [(_("Directory"), reverse("person_list"))],
    }
    return render(request, "contacts/consent/request_list.html", context)


@requires(Action.EDIT_DIRECTORY)
@require_POST
def request_revoke(request: StaffRequest, uid: UUID) -> HttpResponse:
    found = get_object_or_404(requests_visible_to(request.user), uid=uid)
    editable(request, MODELS[found.subject_kind].objects, found.subject_uid)
    services.revoke_request(request=found, actor=request.user)
    toast(request, _("The question is taken back; its link records nothing any more."))
    return done(request, back_or(request, reverse("opt_in_list")))


def runs_visible_to(user: User) -> QuerySet[SubscriptionRun]:
    """One's own; all of them for who may do so everywhere: its counts are of subjects that no scope was applied to."""
    runs = SubscriptionRun.objects.all()
    return runs if user.scope(Action.BULK).is_everything else runs.filter(owner=user)


def requests_visible_to(user: Any) -> Any:
    """Requests about people and organizations in the user's scope."""
    if user.scope(Action.SEE).countries is None:
        return OptInRequest.objects.all()
    people = Person.objects.visible_to(user).values("uid")
    organizations = Organization.objects.visible_to(user).values("uid")
    return OptInRequest.objects.filter(subject_uid__in=people.union(organizations))
