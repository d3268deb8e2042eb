"""Staff screens: a subject's permissions and ledger, the topics, and the list of suppressed addresses."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from contacts.consent import services
from contacts.consent.forms import AddressForm, PermissionForm, SuppressionForm, TopicForm, WithdrawalForm
from contacts.consent.links import preference_url
from contacts.consent.models import Outcome, Suppression, Topic, Way
from contacts.consent.queries import (
    granted_counts,
    ledger_of,
    permissions_of,
    requests_of,
    suppressed_addresses,
    suppression_count,
    suppression_of,
)
from contacts.consent.services.judging import judge
from contacts.consent.story import in_short, tell
from contacts.consent.subjects import all_uids
from contacts.directory.aliases import resolve
from contacts.directory.models import Organization, Person
from contacts.directory.views.access import back_or, editable, may_edit, page_url
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

ROWS: dict[str, Any] = {"person": Person.objects, "organization": Organization.objects}


# --- one person or organization ---------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_safe
def consent_ledger(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """Their story: where they stand on each topic, and every event that led there, with its evidence."""
    rows = _rows(kind)
    row = resolve(rows.visible_to(request.user), uid)
    uids = all_uids(row.uid)
    page = paginate(request, ledger_of(*uids), sort=["-at", "-id"])
    permissions = permissions_of(row.uid)
    suppressions = suppressed_addresses(row)
    context = {
        "row": row,
        "kind": kind,
        "permissions": permissions,
        "may_edit": may_edit(request, rows, row),
        "page": page,
        "entries": tell(row, page.rows, request.user),
        "in_short": in_short(row, permissions, is_suppressed=bool(suppressions)),
        "suppressions": suppressions,
        "requests": list(requests_of(*uids)[:20]),
        "own_page": preference_url(row.uid, kind),
        "crumbs": [(row.label, page_url(row))],
    }
    return render(request, "contacts/consent/ledger.html", context)


@requires(Action.EDIT_DIRECTORY)
def consent_grant(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """Record a permission that was given to an officer."""
    row = editable(request, _rows(kind), uid)
    form = PermissionForm(request.POST or None, initial={"topic": request.GET.get("topic", "")})
    if request.method == "POST" and form.is_valid() and not _stands_against(form, row, kind):
        data = form.cleaned_data
        services.grant_consent(
            subject=row,
            topic=data["topic"],
            lawful_basis=data["lawful_basis"],
            source=data["source"],
            evidence=data["evidence"],
            at=form.at(),
            actor=request.user,
        )
        toast(request, _("The permission for “%(topic)s” is recorded.") % {"topic": data["topic"].label})
        return done(request, back_or(request, page_url(row)))
    return _part(request, form, row, _("Record a permission"), _("Record it"))


@requires(Action.EDIT_DIRECTORY)
def consent_withdraw(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """Record that a permission was withdrawn by word of mouth or letter."""
    row = editable(request, _rows(kind), uid)
    form = WithdrawalForm(request.POST or None, initial={"topic": request.GET.get("topic", "")})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        services.withdraw_consent(
            subject=row, topic=data["topic"], source=data["source"], evidence=data["evidence"], actor=request.user
        )
        toast(request, _("The withdrawal for “%(topic)s” is recorded.") % {"topic": data["topic"].label})
        return done(request, back_or(request, page_url(row)))
    return _part(request, form, row, _("Record a withdrawal"), _("Record it"))


def _stands_against(form: PermissionForm, row: Any, kind: str) -> bool:
    """Staff never reverse a withdrawal or a suppression: who withdrew comes back by the link to his own page."""
    outcome = judge(kind=kind, uids=[row.uid], topic=form.cleaned_data["topic"], way=Way.RECORD).outcome.get(row.uid)
    said = (
        {
            Outcome.WITHDRAWN: _(
                "They withdrew this topic, and only they can allow it again: send them the link to their own page, "
                "which stands on the page of their permissions. Nothing was recorded."
            ),
            Outcome.SUPPRESSED: _(
                "An address of theirs is on the list of those that are never written to, so nothing was recorded."
            ),
        }.get(outcome)
        if outcome
        else None
    )
    if said:
        form.add_error(None, said)
    return bool(said)


def _rows(kind: str) -> Any:
    if kind not in ROWS:
        raise Http404("no such kind of subject")
    return ROWS[kind]


def _part(request: StaffRequest, form: Any, row: Any, title: str, submit: str) -> HttpResponse:
    hint = _("For %(name)s. The ledger keeps it for good.") % {"name": row.label}
    context = {"title": title, "hint": hint, "submit": submit, "back": page_url(row)}
    return form_page(request, "contacts/consent/permission_form.html", context, form=form)


# --- topics -----------------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
@require_safe
def topic_list(request: StaffRequest) -> HttpResponse:
    topics = list(Topic.objects.order_by("archived_at", "position", "sort_key", "id"))
    counts = granted_counts()
    rows: list[dict[str, Any]] = [{"topic": topic, "granted": counts.get(topic.pk, 0)} for topic in topics]
    context = {
        "active": [row for row in rows if not row["topic"].archived_at],
        "archived": [row for row in rows if row["topic"].archived_at],
        "crumbs": _settings_crumbs(),
    }
    return render(request, "contacts/consent/topic_list.html", context)


@requires(Action.ADMINISTER)
def topic_new(request: StaffRequest) -> HttpResponse:
    form = TopicForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        topic = services.create_topic(actor=request.user, **form.values())
        toast(request, _("The topic “%(name)s” can be subscribed to now.") % {"name": topic.label})
        return done(request, reverse("topic_list"))
    return form_page(request, "contacts/consent/topic_form.html", {"crumbs": _topic_crumbs()}, form=form)


@requires(Action.ADMINISTER)
def topic_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    topic = get_object_or_404(Topic, uid=uid)
    form = TopicForm(request.POST or None, topic=topic)
    if request.method == "POST" and form.is_valid():
        services.edit_topic(topic=topic, actor=request.user, **form.values())
        toast(request, _("The topic is saved."))
        return done(request, reverse("topic_list"))
    return form_page(
        request, "contacts/consent/topic_form.html", {"topic": topic, "crumbs": _topic_crumbs()}, form=form
    )


@requires(Action.ADMINISTER)
@require_POST
def topic_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    topic = services.archive_topic(topic=get_object_or_404(Topic, uid=uid), actor=request.user)
    toast(request, _("“%(name)s” is archived; its permissions are kept.") % {"name": topic.label})
    return done(request, reverse("topic_list"))


@requires(Action.ADMINISTER)
@require_POST
def topic_restore(request: StaffRequest, uid: UUID) -> HttpResponse:
    topic = services.restore_topic(topic=get_object_or_404(Topic, uid=uid), actor=request.user)
    toast(request, _("“%(name)s” is in use again.") % {"name": topic.label})
    return done(request, reverse("topic_list"))


# --- suppressions -----------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
@never_cache
def suppression_list(request: StaffRequest) -> HttpResponse:
    """Look one address up, or add one. The addresses themselves are nowhere: only their keyed hashes are kept.

    Looking up is a POST too, so that no address stands in a URL or in a log.
    """
    looking = request.POST.get("do") == "look"
    look = AddressForm(request.POST if looking else None, prefix="look")
    add = SuppressionForm(request.POST if request.POST.get("do") == "add" else None, prefix="add")
    found: Suppression | None = None
    try:
        if look.is_bound and look.is_valid():
            found = suppression_of(look.cleaned_data["address"])
        elif add.is_bound and add.is_valid():
            services.suppress_address(actor=request.user, **add.cleaned_data)
            toast(request, _("This address is never written to again."))
            return done(request, reverse("suppression_list"))
    except Invalid as refused:
        (look if looking else add).add_error("address", refused.message)
    context = {
        "look": look,
        "add": add,
        "found": found,
        "was_looked_up": look.is_bound and look.is_valid(),
        "count": suppression_count(),
        "crumbs": _settings_crumbs(),
    }
    is_bad = any(form.is_bound and form.errors for form in (look, add))
    return render(request, "contacts/consent/suppression_list.html", context, status=422 if is_bad else 200)


def _settings_crumbs() -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("settings"))]


def _topic_crumbs() -> list[tuple[str, str]]:
    return [*_settings_crumbs(), (_("Topics"), reverse("topic_list"))]
