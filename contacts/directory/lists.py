"""The lists of people and of organizations: their filters, columns and files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, Func, OuterRef, Q, QuerySet, TextField
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.directory import cells
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Membership,
    Organization,
    Person,
    Region,
    Tag,
)
from contacts.directory.places import attach_places
from contacts.directory.queries import is_narrow
from contacts.directory.reference import INDIVIDUAL
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import BoundFacet, Choice, Facet, FilterBar, Search
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

LANGUAGE_NAMES = {"en": _("English"), "fr": _("French"), "es": _("Spanish"), "ar": _("Arabic"), "pt": _("Portuguese")}


# --- choices of facets ------------------------------------------------------------------------------------------------
def constituency_choices(request: HttpRequest) -> list[Choice]:
    """The tree, each branch below its root; a child's colour is that of its root."""
    asked = request.GET.getlist("constituency")
    rows = [c for c in ordered_constituencies() if c.archived_at is None or c.code in asked]
    return [(c.code, c.label if c.parent_id is None else f"› {c.label}", c.root_code) for c in rows]


def country_choices(request: HttpRequest) -> list[Choice]:
    language = (get_language() or "en").split("-")[0]
    rows = Country.objects.order_by("sort_key").values_list("code", "name", "names")
    return [(code, names.get(language) or name) for code, name, names in rows]


def region_choices(request: HttpRequest) -> list[Choice]:
    """Sub-regions that countries lie in, by continent."""
    rows = Region.objects.filter(countries__isnull=False).distinct()
    return [(r.code, r.label) for r in rows.order_by("parent__sort_key", "sort_key")]


def tag_choices(request: HttpRequest) -> list[Choice]:
    asked = list(_numbers(request.GET.getlist("tag")))
    rows = Tag.objects.filter(Q(archived_at__isnull=True) | Q(pk__in=asked)).order_by("name")
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")]


def language_choices(request: HttpRequest) -> list[Choice]:
    return [(code, label) for code, label in LANGUAGE_NAMES.items()]


def ordered_constituencies() -> list[Constituency]:
    """Roots in their order, each followed by its children."""
    rows = list(Constituency.objects.order_by("position", "sort_key"))
    place = {row.code: number for number, row in enumerate(rows)}
    return sorted(rows, key=lambda row: (place.get(row.root_code, 0), row.parent_id is not None, row.sort_key))


def email_choices(request: HttpRequest) -> list[Choice]:
    return [
        ("active", _("can be written to"), "ok"),
        ("bouncing", _("bouncing"), "warn"),
        ("invalid", _("invalid"), "bad"),
        ("complained", _("complained"), "bad"),
        ("none", _("no address")),
    ]


def by_email(rows: Any, values: list[str]) -> Any:
    """People with an e-mail address in one of these states, or with none."""
    emails = ContactPoint.objects.emails().filter(person__isnull=False)
    states = [value for value in values if value != "none"]
    rule = Q(pk__in=emails.filter(status__in=states).values("person_id")) if states else Q(pk__in=[])
    if "none" in values:
        rule |= ~Q(Exists(emails.filter(person=OuterRef("pk"))))
    return rows.filter(rule)


def by_tag(rows: Any, values: list[str]) -> Any:
    through = rows.model.tags.through
    column = f"{rows.model._meta.model_name}_id"
    return rows.filter(pk__in=through.objects.filter(tag_id__in=_numbers(values)).values(column))


def by_organization(rows: Any, values: list[str]) -> Any:
    """People with a current membership in one of these organizations (by uid)."""
    current = Membership.objects.current().filter(organization__uid__in=uids_of(values))
    return rows.filter(pk__in=current.values("person_id"))


def _chosen_organization(request: Any) -> list[Choice]:
    found = Organization.objects.visible_to(request.user).filter(uid__in=uids_of(request.GET.getlist("organization")))
    return [(str(row.uid), row.label) for row in found]


def uids_of(values: Iterable[str]) -> list[UUID]:
    found = []
    for value in values:
        with suppress(ValueError):
            found.append(UUID(value))
    return found


def _numbers(values: Iterable[str]) -> list[int]:
    return [int(value) for value in values if value.isdecimal() and len(value) < 19]


def attach_tags(table: Table, rows: Any) -> None:
    """`tag_names`, in one query for a page, if they are shown or go into a file."""
    if "tags" not in table.on and not table.request.GET.get("export"):
        return
    model = table.queryset.model
    column = f"{model._meta.model_name}_id"
    links = model.tags.through.objects.filter(**{f"{column}__in": [row.pk for row in rows]})
    names: dict[int, list[str]] = {}
    for pk, name in links.order_by("tag__name").values_list(column, "tag__name"):
        names.setdefault(pk, []).append(name)
    for row in rows:
        vars(row)["tag_names"] = names.get(row.pk, [])


# --- what is archived ---------------------------------------------------------------------------------------------------
ARCHIVED = Facet(
    "archived",
    _("Archived"),
    [("only", _("what is archived"))],
    lambda rows, values: rows.filter(archived_at__isnull=False),
)


def asks_for_archived(params: QueryDict) -> bool:
    """Whether a list's state asks for what is archived; anything else that is made of it (subscribing, tags) finds nobody there."""
    return bool(params.get(ARCHIVED.name))


def in_use(rows: Any, params: QueryDict) -> Any:
    """Those in use, or those that were archived when the list asks for them: never both, which no index of either would find."""
    return rows.archived() if asks_for_archived(params) else rows.active()


def archive_of(request: HttpRequest) -> dict[str, Any]:
    """For a list's page: whether it shows what is archived, else where the same state would."""
    if asks_for_archived(request.GET):
        return {"is_archived": True}
    state = request.GET.copy()
    for name in ("after", "before", "view", ARCHIVED.name):
        state.pop(name, None)
    state[ARCHIVED.name] = "only"
    return {"archived_url": f"{request.path}?{state.urlencode()}"}


# --- people -----------------------------------------------------------------------------------------------------------
class PersonFilters(FilterBar):
    search = Search(_("Find a person"))
    facets: Sequence[Facet] = (
        Facet(
            "constituency",
            _("Constituency"),
            constituency_choices,
            lambda rows, values: rows.of_constituencies(values),
            count_by="place__organization__constituency__code",
        ),
        Facet(
            "country",
            _("Country"),
            country_choices,
            lambda rows, values: rows.filter(country_id__in=values),
            count_by="country_id",
            is_long=True,
        ),
        Facet(
            "region",
            _("Region"),
            region_choices,
            lambda rows, values: rows.filter(country__region_id__in=values),
            count_by="country__region_id",
            is_long=True,
        ),
        Facet(
            "tag",
            _("Tag"),
            tag_choices,
            by_tag,
            count_by="tags",
        ),
        Facet(
            "language",
            _("Language"),
            language_choices,
            lambda rows, values: rows.filter(language__in=values),
            count_by="language",
        ),
        Facet("email", _("E-mail"), email_choices, by_email),
        ARCHIVED,
    )

    def __init__(self, request: HttpRequest, queryset: Any, params: Any = None) -> None:
        # people of one institution: reached from its page, so it is no question of every list
        if (request.GET if params is None else params).get("organization"):
            self.facets = (*self.facets, Facet("organization", _("Institution"), _chosen_organization, by_organization))
        super().__init__(request, queryset, params)

    def asked_facet(self) -> BoundFacet | None:
        """People without a membership have no constituency to be counted by: they are individual supporters."""
        asked = super().asked_facet()
        if asked and asked.name == "constituency":
            for option in asked.options:
                if option.value == INDIVIDUAL:
                    option.count = asked.counts.get("None", 0)
        return asked


NOT_FILTERS = {"sort", "after", "before", "q", "columns", "view"}


class PersonTable(Table):
    columns = (
        Column("name", _("Name"), sort=["sort_key"], html=cells.person),
        Column("place", _("Institution"), value=lambda row: row.place_name, html=cells.place),
        Column(
            "constituency",
            _("Constituency"),
            value=lambda row: row.constituency_name,
            html=cells.constituency_of_person,
        ),
        Column(
            "country",
            _("Country"),
            sort=["country_id", "sort_key"],
            value=lambda row: row.country_name,
            html=cells.country_of_person,
        ),
        Column("email", _("E-mail"), value=lambda row: row.email, export=lambda row: row.email, html=cells.email),
        Column(
            "mailed",
            _("Last mailed"),
            sort=["last_mailed_at"],
            value="last_mailed_at",
            css="num",
            html=cells.mailed,
        ),
        Column("title", _("Post or role"), value=lambda row: row.title),
        Column(
            "language",
            _("Language"),
            value=lambda row: LANGUAGE_NAMES.get(row.language, row.language),
            export="language",
        ),
        Column("tags", _("Tags"), value=lambda row: row.tag_names),
        Column("gender", _("Gender"), value=lambda row: row.get_gender_display(), export="gender"),
        Column("engaged", _("Last answered or clicked"), sort=["last_engaged_at"], value="last_engaged_at", css="num"),
        Column("added", _("Added"), value="created_at", css="num"),
        Column("archived", _("Archived"), value="archived_at", css="num"),
        Column("uid", _("Id"), value="uid"),
    )
    shown = 6  # the rest is for the file
    default_sort = "name"
    file_name = "people"

    def __init__(self, request: StaffRequest, queryset: QuerySet[Any], **more: Any) -> None:
        super().__init__(request, queryset, **more)
        people: Any = queryset
        if is_narrow(request.user) and not request.GET.get("q") and not asks_for_archived(request.GET):
            self.queryset = people.by_country()
        elif self.filters and not self.is_filtered and request.user.scope(Action.SEE).countries is None:
            self.queryset = people.by_last_mail()
        if self._is_found_first():
            plain = Func(
                F(super().sort[0].removeprefix("-")), template="(%(expressions)s || '')", output_field=TextField()
            )
            self.queryset = self.queryset.annotate(first_key=plain)

    @property
    def sort(self) -> list[str]:
        found = super().sort
        if not self._is_found_first():
            return found
        return ["-first_key" if found[0].startswith("-") else "first_key", *found[1:]]

    def _is_found_first(self) -> bool:
        """Of a narrow reach, what is asked for is found first and then sorted. In the order of an index, along which the planner expects
        to meet enough of it soon, it may lie all in one place: by country behind half of the directory. Without words it is
        merged from the countries: words would be searched anew in each of them."""
        asked = self.request.GET
        if not is_narrow(self.request.user) or not asked.get("q"):
            return False
        first = super().sort[0].removeprefix("-")
        return first == "country_id" or (first == "sort_key" and bool(set(asked) - NOT_FILTERS))

    def prepare(self, rows: list[Person]) -> None:
        """Where each of a page of people is now, and by which address they are reached: one query."""
        attach_places(rows)
        attach_tags(self, rows)


# --- organizations ----------------------------------------------------------------------------------------------------
class OrganizationFilters(FilterBar):
    search = Search(_("Find an organization"))
    facets: Sequence[Facet] = (
        Facet(
            "constituency",
            _("Constituency"),
            constituency_choices,
            lambda rows, values: rows.of_constituencies(values),
            count_by="constituency__code",
        ),
        Facet(
            "country",
            _("Country"),
            country_choices,
            lambda rows, values: rows.filter(Q(country_id__in=values) | Q(countries_of_work__overlap=values)),
            count_by="country_id",
            is_long=True,
        ),
        Facet(
            "region",
            _("Region"),
            region_choices,
            lambda rows, values: rows.filter(country__region_id__in=values),
            count_by="country__region_id",
            is_long=True,
        ),
        Facet(
            "tag",
            _("Tag"),
            tag_choices,
            by_tag,
            count_by="tags",
        ),
        ARCHIVED,
    )


class OrganizationTable(Table):
    columns = (
        Column("name", _("Name"), sort=["sort_key"], html=cells.organization),
        Column("constituency", _("Constituency"), value="constituency.label", html=cells.constituency),
        Column("country", _("Country"), sort=["country_id", "sort_key"], value="country.label", html=cells.country),
        Column("people", _("People"), value=lambda row: row.people_count, css="num", html=cells.people),
        Column(
            "contacted",
            _("Last contacted"),
            sort=["last_contacted_at"],
            value="last_contacted_at",
            css="num",
            html=cells.contacted,
        ),
        Column("acronym", _("Acronym")),
        Column("website", _("Website")),
        Column(
            "language",
            _("Language"),
            value=lambda row: LANGUAGE_NAMES.get(row.language, row.language),
            export="language",
        ),
        Column("tags", _("Tags"), value=lambda row: row.tag_names),
        Column("added", _("Added"), value="created_at", css="num"),
        Column("archived", _("Archived"), value="archived_at", css="num"),
        Column("uid", _("Id"), value="uid"),
    )
    shown = 5
    default_sort = "name"
    file_name = "organizations"

    def prepare(self, rows: list[Organization]) -> None:
        """How many people each has now: one query for a page."""
        current = Membership.objects.current().filter(organization__in=[row.pk for row in rows])
        counts = dict(current.values_list("organization_id").annotate(n=Count("person_id", distinct=True)))
        attach_tags(self, rows)
        for row in rows:
            vars(row).update(people_count=counts.get(row.pk, 0))


# --- the lists by name ------------------------------------------------------------------------------------------------
def _reach(request: StaffRequest) -> Action:
    """A file holds what the user may export, which can be less than what they see."""
    return Action.EXPORT if request.GET.get("export") else Action.SEE


def people_table(request: StaffRequest) -> PersonTable:
    # countries are read for the rows of a page: a join would be made for everybody before a sort that no index has
    rows = in_use(Person.objects.all(), request.GET).visible_to(request.user, _reach(request)).with_place()
    filters = PersonFilters(request, rows)
    return PersonTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def organizations_table(request: StaffRequest) -> OrganizationTable:
    rows = in_use(Organization.objects.all(), request.GET).visible_to(request.user, _reach(request))
    filters = OrganizationFilters(request, rows.select_related("country", "constituency"))
    return OrganizationTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source("people", _("People"), lambda given: reverse("person_list"), people_table, has_views=True))
register(
    Source(
        "organizations",
        _("Organizations"),
        lambda given: reverse("organization_list"),
        organizations_table,
        has_views=True,
    )
)
