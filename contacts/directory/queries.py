"""Every question asked of the directory has a name here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    F,
    FilteredRelation,
    Func,
    OuterRef,
    Q,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.paging import Key, beyond
from crm.ui.searchtext import latin, without_marks

if TYPE_CHECKING:
    from contacts.directory.models import (  # noqa: F401  type parameters
        Constituency,
        ContactPoint,
        Membership,
        Organization,
        Person,
        Post,
        Tag,
    )


WIDE_REACH = 20  # countries


def is_narrow(user: User, action: Action = Action.SEE) -> bool:
    """Whether somebody sees people of few countries, and so a small part of the directory."""
    codes = user.scope(action).countries
    return codes is not None and len(codes) <= WIDE_REACH


def is_seen(user: User, action: Action = Action.SEE, *, few: bool = False) -> Q:
    """A condition on rows with a `person` and an `organization`: that `user` sees one of them, as their `visible_to` says.

    few: the rows in question are some dozens. Each is then looked up by itself; PostgreSQL would collect everybody in the user's
    reach first, which is right for thousands.
    """
    from contacts.directory.models import Organization, Person, SeenAlsoIn

    codes = user.scope(action).countries
    if codes is None:
        return Q(person__isnull=False) | Q(organization__isnull=False)
    here = Person.objects.filter(pk=OuterRef("person_id"), country_id__in=codes)
    elsewhere = SeenAlsoIn.objects.filter(person_id=OuterRef("person_id"), country__in=codes)
    places = Organization.objects.visible_to(user, action)
    if few:
        return _of_one(here) | _of_one(elsewhere) | _of_one(places.filter(pk=OuterRef("organization_id")))
    return Q(Exists(here)) | Q(Exists(elsewhere)) | Q(organization__in=places)


def _of_one(rows: models.QuerySet[Any, Any]) -> Q:
    """That there is such a row. A value, unlike EXISTS, is never asked of all rows at once."""
    return Q(Exact(Coalesce(Subquery(rows.order_by().annotate(one=Value(1)).values("one")[:1]), Value(0)), 1))


class IsAnyOf(Func):
    """`x = ANY (array)`: unlike `IN (SELECT …)`, an array is made before the plan begins, and then sought by index."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


class InReach(IsAnyOf):
    """The half of `visible_to` by which its condition is known again (ordered.py)."""

    codes: tuple[str, ...] = ()


def among(column: str, keys: Iterable[int]) -> IsAnyOf:
    """One array instead of hundreds of parameters, each of which every layer on the way would look at."""
    return IsAnyOf(F(column), Value(list(keys), output_field=ArrayField(BigIntegerField())))


class ConstituencyQuerySet(models.QuerySet["Constituency"]):
    def of_institutions(self) -> Self:
        """All but the one that stands for individual supporters."""
        return self.exclude(code="IND")

    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)


class SearchMixin(models.QuerySet):
    def search(self, text: str) -> Self:
        """Rows whose names contain every word of `text`, whatever its accents, script or spelling. Blank text changes nothing."""
        from contacts.directory.searching import named, read

        typed = read(text)
        return self.filter(named(typed)) if typed.words else self


class FoundMixin(SearchMixin):
    """People and institutions are also found by acronym, by parts of their addresses, and by names that are nearly so."""

    owner = ""

    def search(self, text: str) -> Self:
        from contacts.directory.searching import narrowed

        return cast("Self", narrowed(self, text, owner=self.owner))


class OrganizationQuerySet(FoundMixin, models.QuerySet["Organization"]):
    owner = "organization"

    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def archived(self) -> Self:
        return self.filter(archived_at__isnull=False)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Rows whose country, or a country of work, is in the user's scope for `action`."""
        codes = user.scope(action).countries
        if codes is None:
            return self
        return self.filter(Q(country_id__in=codes) | Q(countries_of_work__overlap=list(codes)))

    def of_constituencies(self, codes: Iterable[str]) -> Self:
        """Organizations of these constituencies or of their children."""
        return self.filter(Q(constituency__code__in=codes) | Q(constituency__root_code__in=codes))

    def same_name(self, name: str, *, country: str | None) -> Self:
        """Active organizations whose name begins so (accents and case aside) in the same country: perhaps the same one."""
        return self.active().filter(sort_key__startswith=without_marks(latin(name))[:300], country_id=country)


class PersonQuerySet(FoundMixin, models.QuerySet["Person"]):
    owner = "person"
    _way = ""  # how pages are found, kept by whatever narrows the rows further

    def active(self) -> Self:
        return self.filter(archived_at__isnull=True, erased_at__isnull=True)

    def archived(self) -> Self:
        """Out of lists and audiences, with all history; not those who were erased, of whom nothing is left to bring back."""
        return self.filter(archived_at__isnull=False, erased_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """People of countries in the user's scope, or with a current membership in an organization that is in it.

        Most are of the country that their organization is in, which their own row says. The few others stand in `SeenAlsoIn`; of a
        narrow reach they are looked up first into an array, so that both halves are found by an index.
        """
        codes = user.scope(action).countries
        if codes is None:
            return self
        from contacts.directory.models import SeenAlsoIn

        others = SeenAlsoIn.objects.filter(country__in=codes).values("person_id")
        if len(codes) > WIDE_REACH:
            return self.filter(Q(country_id__in=codes) | Q(pk__in=others))
        reach = InReach(F("pk"), ArraySubquery(others))
        reach.codes = tuple(sorted(codes))
        return self.filter(Q(country_id__in=codes) | reach)

    def by_country(self) -> Self:
        """Pages by name are merged from the countries of `visible_to`, and totals added up; not for words that are searched."""
        return self._found_by("country")

    def by_last_mail(self) -> Self:
        """Pages by when somebody was mailed last are read in that order; for the whole directory, not for a small part of it."""
        return self._found_by("last_mail")

    def _found_by(self, way: str) -> Self:
        rows = self.all()
        rows._way = way
        return rows

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # Django's own, which its stubs leave out
        clone._way = self._way
        return clone

    def first_in_order(
        self, keys: Sequence[Key], values: Sequence[Any] | None, *, reverse: bool, limit: int
    ) -> list[Person] | None:
        """The first rows beyond `values`, if there is a quicker way than to ask for them; see crm.ui.paging.fetch."""
        from contacts.directory import ordered

        if self._way == "country" and keys[0].name in {"sort_key", "country_id"}:
            rows = self if values is None else self.filter(beyond(keys, values, reverse=reverse))
            return ordered.merged(rows, keys, reverse=reverse, limit=limit)
        if self._way == "last_mail" and keys[0].name == "last_mailed_at":
            return ordered.last_mailed_first(self, keys, values, reverse=reverse, limit=limit)
        return None

    def quick_total(self, cap: int) -> int | None:
        """How many, up to `cap`, if there is a quicker way than to count; see crm.ui.paging.capped_total."""
        from contacts.directory import ordered

        return ordered.count_apart(self, cap) if self._way == "country" else None

    def with_place(self) -> Self:
        """Join the current primary membership as `place` (there is one at most)."""
        condition = Q(memberships__is_primary=True, memberships__ended_on__isnull=True)
        return self.annotate(place=FilteredRelation("memberships", condition=condition))

    def of_constituencies(self, codes: Iterable[str], *, individual: str = "IND") -> Self:
        """People by the constituency of their current primary membership; without one they are individual supporters."""
        codes = list(codes)
        rule = Q(place__organization__constituency__code__in=codes)
        rule |= Q(place__organization__constituency__root_code__in=codes)
        if individual in codes:
            rule |= Q(place__isnull=True)
        return self.with_place().filter(rule)

    def perhaps_same(self, *, name: str, address_key: str = "") -> Self:
        """Active people who have this address, or whose name begins with this one."""
        from contacts.directory.models import ContactPoint

        rule = Q(search_text__startswith=latin(name)) if name.strip() else Q(pk__in=[])
        if address_key:
            rule |= Q(pk__in=ContactPoint.objects.emails().filter(address_key=address_key).values("person_id"))
        return self.active().filter(rule)


class PostQuerySet(SearchMixin, models.QuerySet["Post"]):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from contacts.directory.models import Organization

        if user.scope(action).countries is None:
            return self
        return self.filter(organization__in=Organization.objects.visible_to(user, action))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self) -> Self:
        """Not ended. A membership with a planned last day is ended by the service on that day."""
        return self.filter(ended_on__isnull=True)

    def primary(self) -> Self:
        return self.filter(is_primary=True)


class ContactPointQuerySet(models.QuerySet["ContactPoint"]):
    def emails(self) -> Self:
        return self.filter(kind="email")

    def usable(self) -> Self:
        return self.filter(status="active")

    def best(self) -> ContactPoint | None:
        """The e-mail address to write to: the one that they prefer, else the first that works."""
        return self.emails().usable().order_by("-is_preferred", "id").first()

    def of_institution(self, organization: Organization) -> Self:
        """Addresses of the institution itself and of its posts: by two indexes, where a join to the posts would read every address."""
        posts = [post.pk for post in organization.posts.all()]
        return self.filter(Q(organization=organization) | Q(post__in=posts))

    def with_parts(self) -> Self:
        """`domain` of e-mail addresses, `digits` of numbers: the expressions of two indexes (migration *search*)."""
        return self.annotate(
            domain=Func(F("address_key"), Value("@"), Value(2), function="split_part", output_field=TextField()),
            digits=Func(
                F("value"), Value(r"\D"), Value(""), Value("g"), function="regexp_replace", output_field=TextField()
            ),
        )


def find_tag(name: str) -> Tag | None:
    """The tag that this name means today: by its name, by one that it had, or what it was merged into."""
    from contacts.directory.models import Tag

    rows = Tag.objects.select_related("merged_into")
    tag = rows.filter(name__iexact=name).first() or rows.filter(former_names__contains=[name.lower()]).first()
    while tag is not None and tag.merged_into is not None:
        tag = tag.merged_into
    return tag


def constituency_counts() -> dict[int, int]:
    """Institutions in use by the key of the constituency that they stand in; one query."""
    from contacts.directory.models import Organization

    rows = Organization.objects.active().order_by().values_list("constituency")
    return dict(rows.annotate(n=models.Count("pk")))


def tags_with_counts(words: str = "", limit: int = 500) -> list[Tag]:
    """Tags that were not merged away, each with `people_count` and `institution_count`; three queries, however many tags."""
    from contacts.directory.models import Organization, Person, Tag

    rows = Tag.objects.filter(merged_into__isnull=True).order_by("name", "pk")
    for word in words.split():
        rows = rows.filter(name__icontains=word)
    found = list(rows[:limit])
    for model, name in ((Person, "people_count"), (Organization, "institution_count")):
        links = model.objects.active().filter(tags__in=[tag.pk for tag in found]).order_by().values_list("tags")
        counts = dict(links.annotate(n=models.Count("pk")))
        for tag in found:
            setattr(tag, name, counts.get(tag.pk, 0))
    return found
