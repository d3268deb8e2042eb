"""People: list, quick-add, page, fields edited in place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from contacts.consent.queries import permissions_of
from contacts.directory import forms, services
from contacts.directory.aliases import resolve
from contacts.directory.coverage import of_country
from contacts.directory.lists import PersonFilters, archive_of
from contacts.directory.models import Membership, Organization, Person
from contacts.directory.panels import panels_of
from contacts.directory.services.tags import names_of, with_tag_names
from contacts.directory.tabs import directory_tabs
from contacts.directory.views.access import back_or, editable, may_edit, moved, page_url, with_suppression
from contacts.directory.views.timelines import timeline_of
from contacts.greetings.queries import address_by, address_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui.inline import InlineField, inline_view
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast

FIELDS: dict[str, tuple[Any, type[forms.EditForm]]] = {
    "name": (gettext_lazy("Name"), forms.PersonNameForm),
    "language": (gettext_lazy("Language"), forms.LanguageForm),
    "gender": (gettext_lazy("Gender"), forms.GenderForm),
    "greeting": (gettext_lazy("Greeting"), forms.GreetingForm),
    "pronunciation": (gettext_lazy("How the name is said"), forms.PronunciationForm),
    "country": (gettext_lazy("Country"), forms.CountryForm),
    "note": (gettext_lazy("Note"), forms.NoteForm),
}


@requires(Action.SEE)
def person_list(request: StaffRequest) -> HttpResponseBase:
    table = build("people", request)
    return list_page(
        request,
        "contacts/directory/person_list.html",
        table=table,
        filters=table.filters,
        tabs=directory_tabs(request.user, "person_list"),
        may_add=request.user.may(Action.EDIT_DIRECTORY),
        may_bulk=request.user.may(Action.BULK),
        may_list=request.user.may(Action.SEGMENTS_OWN),
        **archive_of(request),
    )


@requires(Action.BULK)
@require_POST
def person_tag(request: StaffRequest) -> HttpResponse:
    """Give a tag to the selected people."""
    rows = Person.objects.active().visible_to(request.user, Action.BULK).with_place()
    chosen = selected(request, rows, filters=PersonFilters)
    entry = services.tag_rows(rows=chosen, name=request.POST.get("tag_name", ""), actor=request.user)
    toast(request, _("Tagged.") if entry else _("All of them have this tag already."), undo=entry)
    return done(request, back_or(request, reverse("person_list")))


@requires(Action.EDIT_DIRECTORY)
def person_create(request: StaffRequest) -> HttpResponse:
    """Quick-add. `?organization=<uid>` says where."""
    initial = {"organization": request.GET.get("organization", ""), "country": request.GET.get("country", "")}
    form = forms.QuickPersonForm(request.POST if request.method == "POST" else None, user=request.user, initial=initial)
    if request.method != "POST" and initial["organization"]:
        _offer(form, initial["organization"])
    if form.is_valid():
        person = services.create_person(actor=request.user, **_quick(form.cleaned_data))
        toast(request, _("%(name)s added.") % {"name": person.name})
        return done(request, page_url(person))
    return form_page(request, "contacts/directory/person_create.html", {"base": base_template(request)}, form=form)


def _offer(form: forms.QuickPersonForm, uid: str) -> None:
    field: Any = form.fields["organization"]
    try:
        row = field.rows.filter(uid=UUID(uid)).first()
    except ValueError:
        row = None
    if row:
        field.offer(row)


def _quick(data: dict[str, Any]) -> dict[str, Any]:
    """What create_person takes, from the form: words for the post are a post if the institution has it."""
    values = {
        name: data[name] for name in ("given_name", "family_name", "email", "organization", "country", "language")
    }
    organization: Organization | None = data["organization"]
    if organization:
        values["post"] = forms.post_of(organization, data["role"])
        values["role"] = "" if values["post"] else data["role"]
        values["country"] = organization.country or data["country"]
        values["language"] = data["language"] or organization.language
    return values


@requires(Action.EDIT_DIRECTORY)
def person_duplicates(request: StaffRequest) -> HttpResponse:
    """Who is here already with the name or address that is being typed: a hint, while one types."""
    given, family, email = (request.GET.get(name, "")[:254] for name in ("given_name", "family_name", "email"))
    same = forms.same_people(request.user, given, family, email)
    return render(request, "contacts/directory/_same.html", {"same": same})


@requires(Action.EDIT_DIRECTORY)
def person_options(request: StaffRequest) -> HttpResponse:
    """Choices for a field that picks a person."""
    return _options(request, forms.people_for(request.user), lambda row: row.country.label if row.country else "")


@requires(Action.EDIT_DIRECTORY)
def organization_options(request: StaffRequest) -> HttpResponse:
    """Choices for a field that picks an organization."""
    return _options(request, forms.organizations_for(request.user), forms.place_of)


def _options(request: StaffRequest, rows: Any, describe: Any) -> HttpResponse:
    from contacts.directory.picking import SHOWN, option_of

    name = request.GET.get("name", "")[:40]
    words = request.GET.get(f"{name}_q", "").replace("\x00", "").strip()[:200]
    found = [option_of(row, describe) for row in rows.search(words)[:SHOWN]] if words else []
    pick = {"options": found, "uid": "", "words": words}
    return render(request, "contacts/directory/widgets/_options.html", {"pick": pick, "name": name})


# --- one person ---------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def person_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = resolve(with_tag_names(Person.objects.visible_to(request.user).select_related("country")), uid)
    if redirect := moved(request, person, uid, "person_detail"):
        return redirect
    if person.erased_at:
        return HttpResponseRedirect(reverse("erasure_detail", args=[person.uid]))
    editing = may_edit(request, Person.objects, person)
    memberships = list(
        person.memberships.select_related("organization__constituency", "organization__country", "post").order_by(
            "-ended_on", "-is_primary", "-started_on", "-pk"
        )
    )
    current = [m for m in memberships if m.ended_on is None]
    primary = next((m for m in current if m.is_primary), None)
    figure, source = of_country(person.country_id)
    context = {
        "person": person,
        "may_edit": editing,
        "may_export": request.user.may(Action.EXPORT),
        "may_erase": request.user.may(Action.ADMINISTER),
        "fields": {name: _field(person, name, can_edit=editing, held=primary) for name in [*FIELDS, "tags"]},
        "current": current,
        "past": [m for m in memberships if m.ended_on],
        "primary": primary,
        "points": with_suppression(person.contact_points.order_by("kind", "-is_preferred", "pk")),
        "timeline": timeline_of(request, person),  # before the permissions, which it has read
        "permissions": permissions_of(person.uid, known=vars(person).get("_ledger", ())),
        "figure": figure,
        "indicator": source,
        "panels": panels_of(person, request.user),
    }
    return render(request, "contacts/directory/person_detail.html", context)


def _field(person: Person, name: str, *, can_edit: bool, held: Membership | None = None) -> InlineField:
    """held: the current primary membership with its post, where the page has read it."""
    shown = {
        "name": lambda: f"{person.honorific_prefix} {person.name}".strip(),
        "language": lambda: forms.LANGUAGE_NAMES.get(person.language, person.language),
        "gender": person.get_gender_display,
        "greeting": lambda: _greeting(person, held),
        "pronunciation": lambda: person.pronunciation,
        "country": lambda: person.country.label if person.country else "",
        "note": lambda: person.note,
        "tags": lambda: ", ".join(names_of(person)),
    }
    label = FIELDS[name][0] if name in FIELDS else gettext_lazy("Tags")
    return InlineField(name, label, reverse("person_edit", args=[person.uid, name]), shown[name], can_edit)


def _greeting(person: Person, held: Membership | None) -> str:
    """How letters in the person's own language begin today."""
    language = person.language or "en"
    greeting = (address_by(person, held, language) if held else address_of(person, language))["greeting"]
    return _("%(greeting)s (their own)") % {"greeting": greeting} if person.greeting else greeting


@requires(Action.EDIT_DIRECTORY)
def person_edit(request: StaffRequest, uid: UUID, name: str) -> HttpResponse:
    """One field (or the parts of the name) edited in place."""
    person = editable(request, Person.objects.select_related("country"), uid)
    if name not in FIELDS and name != "tags":
        raise Http404(f"people have no field {name} to edit here")
    field = _field(person, name, can_edit=True)
    if name == "tags":
        return tags_view(request, person, field)
    form = FIELDS[name][1]

    def save(data: dict[str, Any]) -> Any:
        changes, seen = form.parted(data)
        return services.edit_person(person=person, actor=request.user, changes=changes, seen=seen)

    return inline_view(
        request, field=field, form=form, save=save, back=page_url(person), initial=form.initial_of(person)
    )


def tags_view(request: StaffRequest, row: Any, field: InlineField) -> HttpResponse:
    """Tags of a person or an organization, as words between commas."""

    def save(data: dict[str, Any]) -> Any:
        names = [word for word in data["tags"].split(",") if word.strip()]
        return services.set_tags(target=row, names=names, actor=request.user)

    initial = {"tags": ", ".join(names_of(row))}
    return inline_view(request, field=field, form=forms.TagsForm, save=save, back=page_url(row), initial=initial)


@requires(Action.EDIT_DIRECTORY)
@require_POST
def person_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = editable(request, Person.objects, uid)
    entry = services.archive_person(person=person, actor=request.user)
    toast(
        request,
        _("%(name)s is archived: out of lists and audiences, with all history kept.") % {"name": person.name},
        undo=entry,
    )
    return done(request, reverse("person_list"))


@requires(Action.EDIT_DIRECTORY)
@require_POST
def person_unarchive(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = editable(request, Person.objects, uid)
    entry = services.unarchive_person(person=person, actor=request.user)
    toast(request, _("%(name)s is back in lists and audiences.") % {"name": person.name}, undo=entry)
    return done(request, page_url(person))
