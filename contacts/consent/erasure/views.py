"""A person's data handed over, and erased with a preview. Erasure cannot be undone, so it is the one place that shows first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from contacts.consent.erasure import exporting, services
from contacts.consent.erasure.registry import PersonalData, holdings
from contacts.consent.models import DataExport, Erasure
from contacts.directory.aliases import resolve
from contacts.directory.models import ContactPoint, Person
from contacts.directory.views.access import page_url
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import NotAllowed
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page


class ErasureForm(forms.Form):
    reason = forms.ChoiceField(
        label=gettext_lazy("Why"), choices=[("", gettext_lazy("Choose one")), *Erasure.Reason.choices]
    )
    is_sure = forms.BooleanField(
        label=gettext_lazy("I have made sure that it is this person, and that nothing obliges us to keep the data.")
    )


def _person(request: StaffRequest, uid: UUID, action: Action) -> Person:
    """404 for whoever may not see the person, 403 for whoever may not do this to them."""
    person = resolve(Person.objects.visible_to(request.user), uid)
    if not Person.objects.visible_to(request.user, action).filter(pk=person.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    return person


# --- erasure ------------------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
@never_cache
def person_erase(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What would go and what stays, with the button."""
    person = _person(request, uid, Action.ADMINISTER)
    if person.erased_at or Erasure.objects.filter(person_uid=person.uid).exists():
        return redirect("erasure_detail", uid=person.uid)
    form = ErasureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.request_erasure(person=person, reason=form.cleaned_data["reason"], actor=request.user)
        return done(request, reverse("erasure_detail", args=[person.uid]))
    reached = services.preview(person)
    shared = PersonalData.of(person.uid).shared_keys
    context = {
        "person": person,
        "goes": [line for line in reached if line.count and line.holding.goes],
        "stays": [line for line in reached if line.count and line.holding.stays],
        "shared": _holders(shared, person),
        "crumbs": [(person.label, page_url(person))],
    }
    return form_page(request, "contacts/consent/erase.html", context, form=form)


def _holders(keys: list[str], person: Person) -> list[tuple[str, str]]:
    """Addresses that others have too, and who they are: those go on getting mail there."""
    points = ContactPoint.objects.emails().filter(address_key__in=keys).exclude(person=person)
    rows = points.select_related("person", "organization", "post__organization").order_by("address_key", "pk")[:20]
    found = []
    for point in rows:
        owner: Any = point.person or point.organization or point.post
        found.append((point.value, owner.label if owner else ""))
    return found


@requires(Action.SEE)
@require_safe
def erasure_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """An erased person, or one who is being erased: what was done, and nothing about whom."""
    if request.user.scope(Action.SEE).countries is not None:  # an erased person has no country left to be in scope by
        get_object_or_404(Person.objects.visible_to(request.user), uid=uid)
    erasure = get_object_or_404(Erasure.objects.select_related("job", "requested_by"), person_uid=uid)
    labels = {holding.name: holding.label for holding in holdings()}
    may_administer = request.user.may(Action.ADMINISTER)
    lines = [(labels[name], count) for name, count in erasure.counts.items() if name in labels and count]
    context = {
        "erasure": erasure,
        "lines": lines if may_administer else [],
        "may_administer": may_administer,
        "crumbs": [(_("People"), reverse("person_list"))],
    }
    return render(request, "contacts/consent/erased.html", context)


@requires(Action.ADMINISTER)
@require_POST
def erasure_resume(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Go on with an erasure whose job failed or was stopped."""
    erasure = get_object_or_404(Erasure, person_uid=uid)
    person = _person(request, uid, Action.ADMINISTER)
    services.request_erasure(person=person, reason=erasure.reason, actor=request.user)
    return done(request, reverse("erasure_detail", args=[uid]))


@requires(Action.ADMINISTER)
@require_safe
def erasure_list(request: StaffRequest) -> HttpResponse:
    """Every erasure, newest first: numbers, no names."""
    page = paginate(request, Erasure.objects.select_related("requested_by"), sort=["-id"])
    crumbs = [(_("Settings"), reverse("settings"))]
    return render(request, "contacts/consent/erasure_list.html", {"page": page, "crumbs": crumbs})


# --- export -------------------------------------------------------------------------------------------------------------
@requires(Action.EXPORT)
@require_POST
def data_export_start(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = _person(request, uid, Action.EXPORT)
    made = exporting.request_export(person=person, actor=request.user)
    return done(request, reverse("data_export_detail", args=[made.uid]))


def _export(request: StaffRequest, uid: UUID) -> tuple[DataExport, Person]:
    made = get_object_or_404(DataExport.objects.select_related("job", "requested_by"), uid=uid)
    return made, _person(request, made.person_uid, Action.EXPORT)


@requires(Action.EXPORT)
@never_cache
@require_safe
def data_export_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    made, person = _export(request, uid)
    context = {
        "made": made,
        "person": person,
        "is_there": exporting.is_there(made),
        "crumbs": [(person.label, page_url(person))],
    }
    return render(request, "contacts/consent/data_export.html", context)


@requires(Action.EXPORT)
@never_cache
@require_safe
def data_export_file(request: StaffRequest, uid: UUID, kind: str) -> HttpResponse:
    """The file itself, always as a download; that it was taken is logged."""
    made, _person_row = _export(request, uid)
    if kind not in exporting.FILES:
        kind = "json"
    data = exporting.open_file(made=made, kind=kind, actor=request.user)
    answer = HttpResponse(data, content_type=exporting.FILES[kind][1])
    answer["Content-Disposition"] = f'attachment; filename="personal-data-{made.uid}.{kind}"'
    return answer
