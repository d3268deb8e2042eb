"""The lists of segments, of lists, and of whom a segment or a list holds."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.consent.models import ConsentState, Suppression, Topic
from contacts.directory.models import Constituency, ContactPoint, Country, Membership, Organization, Person
from contacts.directory.queries import is_narrow
from contacts.segments.builder import add_coverage
from contacts.segments.compiler import compile_segment
from contacts.segments.models import ContactList, Segment, Selects
from contacts.segments.registry import PEOPLE
from contacts.segments.sentence import sentences
from contacts.segments.tree import uids
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table


# --- segments and lists themselves ----------------------------------------------------------------------------------
def _whose(request: HttpRequest) -> list[tuple[str, Any]]:
    return [("mine", _("mine")), ("archived", _("archived"))]


class SegmentFilters(FilterBar):
    """Archived ones show only when asked for."""

    search = Search(_("Find a segment"))
    facets = [
        Facet("selects", _("Selects"), choices=Selects.choices, apply=lambda rows, values: rows.filter(selects__in=values)),
        Facet("show", _("Show"), choices=_whose, apply=lambda rows, values: rows, multiple=True),
    ]  # fmt: skip

    def narrowed(self, *, without: str = "") -> Any:
        rows = super().narrowed(without=without)
        show = self.params.getlist("show")
        rows = rows.filter(archived_at__isnull="archived" not in show)
        return rows.filter(owner_id=self.request.user.pk) if "mine" in show else rows


class SegmentTable(Table):
    columns = [
        Column("name", _("Segment"), sort=["sort_key"]),
        Column("last_count", _("Members"), sort=["last_count"], css="num"),
        Column("owner", _("By")),
        Column("updated_at", _("Changed"), sort=["updated_at"], css="num"),
        Column("selects", _("Selects"), value=lambda row: row.get_selects_display()),
        Column("description", _("Description")),
        Column("last_counted_at", _("Last counted"), css="num"),
        Column("created_at", _("Made"), css="num"),
        Column("uid", _("Id"), value="uid"),
    ]
    shown = 4
    default_sort = "-updated_at"
    row_template = "contacts/segments/_segment_row.html"
    file_name = "segments"

    def prepare(self, rows: list[Any]) -> None:
        words = sentences((row.tree, row.selects) for row in rows)
        for row, text in zip(rows, words, strict=True):
            row.words = text


class ListFilters(SegmentFilters):
    search = Search(_("Find a list"), lambda rows, text: rows.search(text))


class ListTable(Table):
    columns = [
        Column("name", _("List"), sort=["sort_key"]),
        Column("members", _("Members"), css="num", value="member_count"),
        Column("owner", _("By")),
        Column("updated_at", _("Changed"), sort=["updated_at"], css="num"),
        Column("selects", _("Holds"), value=lambda row: row.get_selects_display()),
        Column("description", _("Description")),
        Column("created_at", _("Made"), css="num"),
        Column("uid", _("Id"), value="uid"),
    ]
    shown = 4
    default_sort = "-updated_at"
    row_template = "contacts/segments/_list_row.html"
    file_name = "lists"


def lists_with_counts(rows: QuerySet[ContactList]) -> QuerySet[ContactList]:
    return rows.select_related("owner").annotate(member_count=Count("members"))


# --- members --------------------------------------------------------------------------------------------------------
def attach_seats(people: list[Any]) -> None:
    """The current primary membership of each person, in one query."""
    current = Membership.objects.current().primary().filter(person__in=people)
    seats = {row.person_id: row for row in current.select_related("organization__constituency", "post")}
    for person in people:
        person.seat = seats.get(person.pk)


def _seat(path: str) -> Any:
    def read(person: Any) -> str:
        value: Any = person.seat
        for part in path.split("."):
            value = getattr(value, part, None) if value is not None else None
        return str(value or "")

    return read


class PeopleTable(Table):
    columns = [
        Column("name", _("Person"), sort=["sort_key"]),
        Column("post", _("Post"), value=_seat("post"), export=_seat("post")),
        Column("organization", _("Organization"), value=_seat("organization"), export=_seat("organization")),
        Column("country", _("Country"), sort=["country__sort_key"], value="country.label", export="country_id"),
        Column("coverage", _("Coverage, %"), css="num", value="coverage"),
        Column("last_mailed_at", _("Last mailed"), sort=["last_mailed_at"], css="num"),
    ]
    default_sort = "name"
    row_template = "contacts/segments/_member_row.html"
    file_name = "people"

    def __init__(self, request: StaffRequest, queryset: QuerySet[Any], **more: Any) -> None:
        super().__init__(request, queryset, **more)
        if is_narrow(request.user) and not request.GET.get("q"):
            people: Any = queryset
            self.queryset = people.by_country()

    def prepare(self, rows: list[Any]) -> None:
        attach_seats(rows)
        add_coverage(rows)


class OrganizationsTable(Table):
    columns = [
        Column("name", _("Organization"), sort=["sort_key"]),
        Column("constituency", _("Constituency"), sort=["constituency__position"], value="constituency.label"),
        Column("country", _("Country"), sort=["country__sort_key"], value="country.label", export="country_id"),
        Column("coverage", _("Coverage, %"), css="num", value="coverage"),
        Column("last_contacted_at", _("Last contacted"), sort=["last_contacted_at"], css="num"),
    ]
    default_sort = "name"
    row_template = "contacts/segments/_organization_row.html"
    file_name = "organizations"

    def prepare(self, rows: list[Any]) -> None:
        add_coverage(rows)


def _constituencies(request: HttpRequest) -> list[tuple[str, Any, str]]:
    roots = Constituency.objects.filter(parent__isnull=True).order_by("position")
    return [(row.code, row.label, row.code.lower()) for row in roots]


def _countries(request: HttpRequest) -> list[tuple[str, Any]]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


REACH = [
    ("mailable", _("can be mailed")),
    ("no_permission", _("no permission")),
    ("no_address", _("no working address")),
]


def _reach(owner: str) -> Any:
    """Narrow to who can be mailed, and why the others cannot, as the bar of the builder counts them."""

    def apply(rows: Any, values: list[str], topic: Topic | None = None) -> Any:
        points = ContactPoint.objects.filter(**{owner: OuterRef("pk")}, kind="email", status="active")
        points = points.exclude(Exists(Suppression.objects.filter(address_hash=OuterRef("address_hash"))))
        given = ConsentState.objects.filter(subject_uid=OuterRef("uid"), subject_kind=owner, channel="email", is_granted=True)  # fmt: skip
        if topic is not None:
            given = given.filter(topic=topic)
        has, may = Exists(points), Exists(given)
        kinds = {"mailable": Q(has, may), "no_permission": Q(has) & ~Q(may), "no_address": ~Q(has)}
        wanted = Q()
        for value in values:
            wanted |= kinds.get(value, Q())
        return rows.filter(wanted)

    return apply


class MemberFilters(FilterBar):
    """Words, reach, constituency, country. `topic` in the URL says on which topic they can be mailed."""

    owner = "person"

    def narrowed(self, *, without: str = "") -> Any:
        """The reach facet needs the topic, which stands beside it in the URL."""
        rows = super().narrowed(without=without)
        values = self.params.getlist("reach")
        if not values or without == "reach":
            return rows
        topic = Topic.objects.filter(code=self.params.get("topic", "")).first()
        return _reach(self.owner)(rows, values, topic)


def _keep(rows: Any, values: list[str]) -> Any:
    return rows


_NOW = {"memberships__is_primary": True, "memberships__ended_on__isnull": True}


class PeopleFilters(MemberFilters):
    search = Search(_("Find among them"))
    facets = [
        Facet("reach", _("Can be mailed"), choices=REACH, apply=_keep),
        Facet(
            "constituency", _("Constituency"), choices=_constituencies, icon="building-community",
            apply=lambda rows, values: rows.filter(
                Exists(Membership.objects.current().primary().filter(person=OuterRef("pk"), organization__constituency__root_code__in=values))
            ),
        ),
        Facet("country", _("Country"), choices=_countries, icon="world", count_by="country_id",
              apply=lambda rows, values: rows.filter(country_id__in=values)),
    ]  # fmt: skip


class OrganizationFilters(MemberFilters):
    owner = "organization"
    search = Search(_("Find among them"))
    facets = [
        Facet("reach", _("Can be mailed"), choices=REACH, apply=_keep),
        Facet("constituency", _("Constituency"), choices=_constituencies, icon="building-community",
              apply=lambda rows, values: rows.filter(constituency__root_code__in=values)),
        Facet("country", _("Country"), choices=_countries, icon="world", count_by="country_id",
              apply=lambda rows, values: rows.filter(country_id__in=values)),
    ]  # fmt: skip


def members_of(segment: Segment, countries: Any) -> QuerySet[Any]:
    """The segment's people or organizations as a queryset, narrowed to these countries."""
    compiled = compile_segment(segment, scope_countries=countries)
    model: Any = Person if segment.selects == PEOPLE else Organization
    return model.objects.filter(pk__in=RawSQL(compiled.sql, compiled.params))  # noqa: S611 made by the compiler, values apart


def segment_at(request: StaffRequest, name: str, selects: str) -> Segment | None:
    """The other segment that a parameter names; None when there is none of this kind."""
    found = uids([request.GET.get(name, "")])
    return Segment.objects.visible_to(request.user).filter(uid__in=found, selects=selects).first()


def reach(request: StaffRequest) -> Action:
    """A file holds what the user may export, which can be less than what they see."""
    return Action.EXPORT if request.GET.get("export") else Action.SEE


def member_page(request: StaffRequest, segment: Segment) -> tuple[Table, FilterBar]:
    action = reach(request)
    if segment.selects == PEOPLE and is_narrow(request.user, action):
        # those of a few countries among everybody whom it selects: so a page is merged from these countries
        rows = members_of(segment, None).visible_to(request.user, action)  # type: ignore[attr-defined]
    else:
        rows = members_of(segment, request.user.scope(action).countries)
    if also := segment_at(request, "also", segment.selects):
        rows = rows.filter(pk__in=members_of(also, None).values("pk"))
    if without := segment_at(request, "without", segment.selects):
        rows = rows.exclude(pk__in=members_of(without, None).values("pk"))
    return page_of(request, rows, segment.selects, segment.name)


def page_of(request: StaffRequest, rows: QuerySet[Any], selects: str, name: str) -> tuple[Table, FilterBar]:
    filters: FilterBar
    if selects == PEOPLE:
        filters = PeopleFilters(request, rows.select_related("country"))
        table: Table = PeopleTable(
            request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT)
        )
    else:
        filters = OrganizationFilters(request, rows.select_related("country", "constituency"))
        table = OrganizationsTable(
            request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT)
        )
    table.file_name = name  # type: ignore[misc]
    return table, filters


# --- the lists by name ------------------------------------------------------------------------------------------------
def segments_table(request: StaffRequest) -> SegmentTable:
    filters = SegmentFilters(request, Segment.objects.visible_to(request.user).select_related("owner"))
    return SegmentTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def lists_table(request: StaffRequest) -> ListTable:
    filters = ListFilters(request, lists_with_counts(ContactList.objects.visible_to(request.user)))
    return ListTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def members_table(request: StaffRequest, segment: str) -> Table:
    """Whom a segment selects now. Raises Invalid for rules that cannot be used any more."""
    found = get_object_or_404(Segment.objects.visible_to(request.user), uid=segment)
    return member_page(request, found)[0]


def list_members(found: ContactList, request: StaffRequest) -> QuerySet[Any]:
    """Members whom the user may see; archived people stay on the list and are not shown."""
    model: Any = Person if found.selects == PEOPLE else Organization
    owner = "person" if found.selects == PEOPLE else "organization"
    ids = found.members.filter(**{f"{owner}__isnull": False}).values(f"{owner}_id")
    rows: QuerySet[Any] = model.objects.active().visible_to(request.user, reach(request)).filter(pk__in=ids)
    return rows


def list_members_table(request: StaffRequest, list: str) -> Table:
    found = get_object_or_404(ContactList.objects.visible_to(request.user), uid=list)
    return page_of(request, list_members(found, request), found.selects, found.name)[0]


register(Source("segments", _("Segments"), lambda given: reverse("segment_list"), segments_table, has_views=True))
register(Source("lists", _("Lists"), lambda given: reverse("list_list"), lists_table, has_views=True))
register(
    Source("members", _("Members"), lambda given: reverse("segment_members", args=[given["segment"]]), members_table)
)
register(
    Source("list_members", _("Members"), lambda given: reverse("list_detail", args=[given["list"]]), list_members_table)
)
