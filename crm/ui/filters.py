"""The filter bar of a list: words, facets, and chips that take one away. Its whole state is in the URL.

class PersonFilters(FilterBar):
    search = Search(_("Find a person"))
    facets = [Facet("constituency", _("Constituency"), choices=constituencies, apply=of_constituencies, count_by="…")]

filters = PersonFilters(request, Person.objects.visible_to(request.user))
filters.queryset
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

from crm.ui.large_counts import remembered

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OWN_NAMES = frozenset({"q", "sort", "after", "before", "facet", "export", "all", "pick", "view", "columns"})
LARGE, REMEMBER_SECONDS = 20_000, 600  # from so many rows on, the counts of a facet may be ten minutes old
LONG_LIST = 12  # a facet with more options gets a box to narrow them
Choice = tuple[str, Any] | tuple[str, Any, str]  # value, label, and a colour kind if it has one


@dataclass(frozen=True)
class Search:
    """The box for words; by default it asks the queryset's own `.search(text)`."""

    placeholder: StrOrPromise
    apply: Callable[[Any, str], Any] = lambda queryset, text: queryset.search(text)


@dataclass(frozen=True)
class Facet:
    """One question with a few answers.

    choices: a list, or a function of the request that gives (value, label[, kind]); apply: narrows the queryset to `values`;
    count_by: the lookup whose values are the choices', counted when the facet is opened; is_long: there are always many choices
    (every country), so that a page with none of them chosen need not read them.
    """

    name: str
    label: StrOrPromise
    choices: Sequence[Choice] | Callable[[HttpRequest], Iterable[Choice]]
    apply: Callable[[Any, list[str]], Any]
    icon: str = ""
    count_by: str = ""
    multiple: bool = True
    is_long: bool = False

    def __post_init__(self) -> None:
        if self.name in OWN_NAMES:
            raise ValueError(f"a facet cannot be called {self.name}: the list uses that name itself")


@dataclass
class Option:
    value: str
    label: str
    kind: str = ""
    is_on: bool = False
    count: int | None = None


@dataclass
class Chip:
    label: str
    value: str
    remove_url: str
    kind: str = ""


@dataclass
class BoundFacet:
    """A facet with what the URL says about it. Options are made when asked for."""

    facet: Facet
    bar: FilterBar
    values: list[str] = field(default_factory=list)
    with_counts: bool = False

    @property
    def name(self) -> str:
        return self.facet.name

    @property
    def label(self) -> str:
        return str(self.facet.label)

    @property
    def icon(self) -> str:
        return self.facet.icon

    @property
    def input_type(self) -> str:
        return "checkbox" if self.facet.multiple else "radio"

    @property
    def is_counted(self) -> bool:
        return bool(self.facet.count_by)

    @property
    def url(self) -> str:
        return f"{self.bar.path}?facet={self.name}"

    @property
    def page_url(self) -> str:
        """The facet as a page of its own, for those without JavaScript."""
        query = self.bar.params.copy()
        query["facet"] = self.name
        return f"{self.bar.path}?{query.urlencode()}"

    @cached_property
    def is_long(self) -> bool:
        return self.facet.is_long or len(self.options) > LONG_LIST

    @cached_property
    def shown(self) -> list[Option]:
        """What stands in the page: of a long list only what is chosen; the rest comes when the facet is opened."""
        if self.with_counts or not self.is_counted or not self.is_long:
            return self.options
        return [option for option in self.options if option.is_on] if self.values else []

    @property
    def is_cut(self) -> bool:
        """Whether there are more options than the page shows."""
        if self.with_counts or not self.is_counted:
            return False
        return (self.facet.is_long and not self.values) or len(self.shown) < len(self.options)

    @property
    def is_empty(self) -> bool:
        return not self.is_cut and not self.options

    @cached_property
    def options(self) -> list[Option]:
        choices = self.facet.choices(self.bar.request) if callable(self.facet.choices) else self.facet.choices
        options = [Option(str(c[0]), str(c[1]), c[2] if len(c) > 2 else "", str(c[0]) in self.values) for c in choices]
        if not self.with_counts:
            return options
        for option in options:
            option.count = self.counts.get(option.value, 0)
        return sorted(options, key=lambda option: not option.is_on)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows by value; "None": those without one."""
        rows = self.bar.narrowed(without=self.name).order_by()
        # a list that has no row twice needs none sorted out: counting distinct ones sorts everybody (100,000 people: 90 ms)
        counted = Count("pk", distinct=rows.query.distinct)
        groups = rows.values_list(self.facet.count_by).annotate(n=counted)
        return remembered(
            self.name,
            groups,
            lambda: {str(value): n for value, n in groups},
            seconds=REMEMBER_SECONDS,
            is_large=lambda found: sum(found.values()) >= LARGE,
        )


class FilterBar:
    """Binds a list's search and facets to a request; `queryset` is what they leave."""

    search: Search | None = None
    facets: Sequence[Facet] = ()

    def __init__(self, request: HttpRequest, queryset: QuerySet[Any], params: QueryDict | None = None) -> None:
        self.request = request
        self.path = request.path
        self.params = request.GET if params is None else params
        self.q = self.params.get("q", "").strip()[:200].replace("\x00", "") if self.search else ""
        self.bound = [BoundFacet(facet, self, self._known_values(facet)) for facet in self.facets]
        self._base = queryset

    def _known_values(self, facet: Facet) -> list[str]:
        values = [value.replace("\x00", "") for value in self.params.getlist(facet.name) if value]
        return list(dict.fromkeys(values if facet.multiple else values[:1]))

    @cached_property
    def queryset(self) -> Any:
        return self.narrowed()

    def narrowed(self, *, without: str = "") -> Any:
        """The list narrowed by the words and by every facet but `without`."""
        queryset = self._base
        if self.search and self.q:
            queryset = self.search.apply(queryset, self.q)
        for bound in self.bound:
            if bound.values and bound.name != without:
                queryset = bound.facet.apply(queryset, bound.values)
        return queryset

    @property
    def is_active(self) -> bool:
        return bool(self.q or any(bound.values for bound in self.bound))

    @cached_property
    def chips(self) -> list[Chip]:
        """One for each value in force, with the URL that takes it away."""
        found = []
        for bound in filter(lambda bound: bound.values, self.bound):
            for option in bound.options:
                if option.is_on:
                    found.append(
                        Chip(bound.label, option.label, self._url_without(bound.name, option.value), option.kind)
                    )
        return found

    @property
    def clear_url(self) -> str:
        kept = QueryDict(mutable=True)
        for name in ("sort", "view", "columns"):
            if self.params.get(name):
                kept.setlist(name, self.params.getlist(name))
        return f"{self.path}?{kept.urlencode()}" if kept else self.path

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a submit of the bar must carry along: the order, and parameters that are the page's own."""
        mine = {bound.name for bound in self.bound} | (OWN_NAMES - {"sort", "view", "columns"})
        return [(name, value) for name, values in self.params.lists() if name not in mine for value in values]

    @property
    def state(self) -> list[tuple[str, str]]:
        """The filters as name and value, for the form that acts on "all that match"."""
        words = [("q", self.q)] if self.q else []
        return words + [(bound.name, value) for bound in self.bound for value in bound.values]

    def asked_facet(self) -> BoundFacet | None:
        """The facet whose options the request asks for, with counts."""
        name = self.params.get("facet")
        for bound in self.bound:
            if name and bound.name == name:
                bound.with_counts = True
                return bound
        return None

    def _url_without(self, name: str, value: str) -> str:
        query = self.params.copy()
        query.setlist(name, [other for other in query.getlist(name) if other != value])
        for cursor in ("after", "before"):
            query.pop(cursor, None)
        return f"{self.path}?{query.urlencode()}"
