"""Lists chosen by hand: all of them, one with its members, adding and taking off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from contacts.directory.lists import OrganizationFilters, PersonFilters
from contacts.directory.models import Organization, Person
from contacts.directory.tabs import directory_tabs
from contacts.segments import lists
from contacts.segments.models import ContactList, Selects
from contacts.segments.registry import PEOPLE
from contacts.segments.tables import list_members, lists_with_counts
from contacts.segments.tree import uids
from contacts.segments.usage import uses_of_list
from contacts.segments.views import OWN
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid, NotAllowed
from crm.ui.formats import number
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast


class ListForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    selects = forms.ChoiceField(label=gettext_lazy("Holds"), choices=Selects.choices, initial=PEOPLE)


class NameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)


def _may_create(request: StaffRequest) -> bool:
    return any(request.user.may(action) for action in OWN)


def _own(request: StaffRequest, uid: UUID) -> ContactList:
    """A list that the user sees (404), and may change (403)."""
    found = get_object_or_404(ContactList.objects.visible_to(request.user), uid=uid)
    if not ContactList.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=found.pk).exists():
        raise NotAllowed(_("This list belongs to somebody else; ask them, or make your own."))
    return found


@requires(Action.SEE)
@require_GET
def list_list(request: StaffRequest) -> HttpResponseBase:
    table = build("lists", request)
    return list_page(
        request, "contacts/segments/list_list.html", table=table, filters=table.filters, may_create=_may_create(request),
        tabs=directory_tabs(request.user, "list_list"),
    )  # fmt: skip


@requires(*OWN)
def list_new(request: StaffRequest) -> HttpResponse:
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = lists.create_list(actor=request.user, **form.cleaned_data)
        return done(request, reverse("list_detail", args=[made.uid]))
    return form_page(request, "contacts/segments/list_form.html", {}, form=form)


@requires(*OWN)
def list_rename(request: StaffRequest, uid: UUID) -> HttpResponse:
    found = _own(request, uid)
    form = NameForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        entry = lists.rename_list(contact_list=found, name=form.cleaned_data["name"], actor=request.user)
        toast(request, _("Renamed."), undo=entry)
        return done(request, reverse("list_detail", args=[found.uid]))
    return form_page(request, "contacts/segments/list_form.html", {"contact_list": found}, form=form)


@requires(Action.SEE)
@require_GET
def list_detail(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    found = get_object_or_404(ContactList.objects.visible_to(request.user).select_related("owner"), uid=uid)
    may_edit = ContactList.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=found.pk).exists()
    table = build("list_members", request, list=str(uid))
    words = request.GET.get("find", "").replace("\x00", "").strip()[:100]
    return list_page(
        request, "contacts/segments/list_detail.html", table=table, filters=table.filters, contact_list=found,
        may_edit=may_edit, uses=uses_of_list(found), find=words, found=_candidates(found, request, words) if words and may_edit else [],
        limited=request.user.scope(Action.SEE).countries is not None, may_subscribe=request.user.may(Action.BULK),
    )  # fmt: skip


def _candidates(found: ContactList, request: StaffRequest, words: str) -> list[Any]:
    """People (or organizations) to add, by the words typed, who are not on it yet."""
    if found.selects == PEOPLE:
        people = Person.objects.active().visible_to(request.user).search(words).select_related("country")
        rows: Any = people.exclude(pk__in=found.members.values("person_id"))
    else:
        rows = Organization.objects.active().visible_to(request.user).search(words).select_related("country")
        rows = rows.exclude(pk__in=found.members.values("organization_id"))
    return list(rows.order_by("sort_key", "id")[:12])


@requires(*OWN)
@require_POST
def list_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Add those picked on the list's own page."""
    found = _own(request, uid)
    model: Any = Person if found.selects == PEOPLE else Organization
    rows = selected(request, model.objects.active().visible_to(request.user))
    _add(request, found, rows)
    return redirect(f"{reverse('list_detail', args=[found.uid])}?find={request.POST.get('find', '')[:100]}")


def _add(request: StaffRequest, found: ContactList, rows: Any) -> None:
    count, entry = lists.add_to_list(contact_list=found, rows=rows, actor=request.user)
    text = ngettext("Added %(n)s to “%(name)s”.", "Added %(n)s to “%(name)s”.", count)
    if not count:
        text = _("They are on “%(name)s” already; nothing was changed.")
    toast(request, text % {"n": number(count), "name": found.name}, undo=entry)


@requires(*OWN)
@require_POST
def list_add_selection(request: StaffRequest) -> HttpResponse:
    """Bulk action of the people and organization lists: what is ticked there, or all that match its filters.

    `?kind=people` or `organizations`. The first post asks which list; the second (with `list` or `name`) adds.
    """
    selects = request.POST.get("kind") or request.GET.get("kind", PEOPLE)
    if selects not in Selects.values:
        raise Invalid(_("A list holds people or organizations."))
    rows = _selection(request, selects)
    mine = ContactList.objects.visible_to(request.user, Action.SEGMENTS).active().filter(selects=selects)
    chosen, name = request.POST.get("list", ""), request.POST.get("name", "").strip()
    back = request.POST.get("back") or request.META.get("HTTP_REFERER", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("list_list")
    if name:
        _add(request, lists.create_list(name=name, actor=request.user, selects=selects), rows)
        return redirect(back)
    if chosen:
        _add(request, get_object_or_404(mine, uid__in=uids([chosen])), rows)
        return redirect(back)
    kept = [(key, value) for key, values in request.POST.lists() if key in ("pick", "all") or key[:1] == "_" for value in values]  # fmt: skip
    context = {
        "kept": kept, "kind": selects, "back": back, "count": rows.count(),
        "lists": lists_with_counts(mine).order_by("-updated_at")[:50],
    }  # fmt: skip
    return render(request, "contacts/segments/list_choose.html", context)


def _selection(request: StaffRequest, selects: str) -> Any:
    if selects == PEOPLE:
        people = Person.objects.active().visible_to(request.user).with_place()
        return selected(request, people, filters=PersonFilters)
    return selected(request, Organization.objects.active().visible_to(request.user), filters=OrganizationFilters)


@requires(*OWN)
@require_POST
def list_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    found = _own(request, uid)
    picked = selected(request, list_members(found, request)).values_list("uid", flat=True)
    count, entry = lists.remove_from_list(contact_list=found, uids=list(picked), actor=request.user)
    text = ngettext("Took %(n)s off “%(name)s”.", "Took %(n)s off “%(name)s”.", count)
    toast(request, text % {"n": number(count), "name": found.name}, undo=entry)
    return redirect("list_detail", uid=found.uid)


@requires(*OWN)
@require_POST
def list_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    found = _own(request, uid)
    entry = lists.archive_list(contact_list=found, actor=request.user)
    toast(request, _("“%(name)s” is archived. What uses it goes on working.") % {"name": found.name}, undo=entry)
    return redirect("list_list")
