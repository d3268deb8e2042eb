"""The list of countries: coverage, its year, and how many institutions the reader may see there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, Count, Exists, Func, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from contacts.directory.lists import region_choices
from contacts.directory.models import Country, IndicatorValue, Organization
from contacts.directory.reference import COVERAGE
from contacts.directory.searching import named, read
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.cells import counted, dim, link
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.formats import percent
from crm.ui.links import query_of, url_of
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

BANDS = (  # per cent, the upper end is not in it; so that no country is in two
    ("low", _("below 20 %"), Q(coverage__lt=20)),
    ("middle", _("20 to 50 %"), Q(coverage__gte=20, coverage__lt=50)),
    ("high", _("50 to 80 %"), Q(coverage__gte=50, coverage__lt=80)),
    ("wide", _("80 % and more"), Q(coverage__gte=80)),
    ("unknown", _("no figure"), Q(coverage__isnull=True)),
)


def with_coverage(rows: QuerySet[Country]) -> QuerySet[Country]:
    """`coverage` in per cent and `coverage_year`, of the latest figure; None where there is none: unknown is not zero."""
    figures = IndicatorValue.objects.filter(indicator__code=COVERAGE, country=OuterRef("pk")).order_by("-year")
    return rows.annotate(
        coverage=Subquery(figures.values("value")[:1]), coverage_year=Subquery(figures.values("year")[:1])
    )


def _further(institutions: QuerySet[Organization]) -> QuerySet[Any]:
    """The codes of countries that institutions work in, besides their own: an international organization's."""
    rows = institutions.exclude(countries_of_work=[]).order_by()
    return rows.values_list(Func("countries_of_work", function="unnest", output_field=CharField()))


def _named(rows: Any, text: str) -> Any:
    typed = read(text)
    return rows.filter(named(typed)) if typed.words else rows


def _in_bands(rows: Any, values: list[str]) -> Any:
    rule = Q(pk__in=[])
    for name, _label, band in BANDS:
        if name in values:
            rule |= band
    return rows.filter(rule)


class CountryFilters(FilterBar):
    search = Search(_("Find a country"), _named)

    def __init__(self, request: HttpRequest, queryset: Any, institutions: QuerySet[Organization]) -> None:
        there = Exists(institutions.filter(country=OuterRef("pk"))) | Q(pk__in=_further(institutions))
        self.facets: Sequence[Facet] = (
            Facet(
                "region",
                _("Region"),
                region_choices,
                lambda rows, values: rows.filter(region_id__in=values),
                count_by="region_id",
                is_long=True,
            ),
            Facet("coverage", _("Coverage"), [(name, label) for name, label, _rule in BANDS], _in_bands),
            Facet(
                "known",
                _("Institutions"),
                [("yes", _("some are known")), ("no", _("nobody is known"))],
                lambda rows, values: rows.filter(there if values[0] == "yes" else ~there),
                multiple=False,
            ),
        )
        super().__init__(request, queryset)


def _coverage(row: Any) -> str | SafeString:
    return dim(str(_("not known"))) if row.coverage is None else percent(row.coverage)


def _known(row: Any) -> SafeString:
    return counted(row.institutions, query_of("organization_list", country=row.code))


class CountryTable(Table):
    columns = (
        Column(
            "name",
            _("Country"),
            sort=["sort_key"],
            value=lambda row: row.label,
            html=lambda row: link(url_of("country_detail", row.code), row.label, "gs-strong"),
        ),
        Column("region", _("Region"), value=lambda row: row.region.label if row.region else ""),
        Column("coverage", _("Coverage"), sort=["coverage", "sort_key"], css="num", html=_coverage),
        Column("year", _("Year"), value=lambda row: str(row.coverage_year or ""), css="num"),
        Column("institutions", _("Institutions known"), css="num", html=_known),
        Column("code", _("Code")),
    )
    shown = 5
    default_sort = "coverage"  # lowest first; who has no figure stands last
    file_name = "countries"

    def __init__(
        self, request: StaffRequest, queryset: QuerySet[Any], *, institutions: QuerySet[Organization], **more: Any
    ) -> None:
        super().__init__(request, queryset, **more)
        self.institutions = institutions

    def prepare(self, rows: list[Any]) -> None:
        """How many institutions are in each country of a page or work there, as the list behind the number has them: two queries."""
        codes = [row.pk for row in rows]
        found = self.institutions.order_by()
        known = Counter(dict(found.filter(country__in=codes).values_list("country_id").annotate(n=Count("pk"))))
        for country, work in found.filter(countries_of_work__overlap=codes).values_list("country", "countries_of_work"):
            known.update({*work} - {country})
        for row in rows:
            vars(row)["institutions"] = known[row.pk]


def countries_table(request: StaffRequest) -> CountryTable:
    institutions = Organization.objects.active().visible_to(request.user)
    filters = CountryFilters(request, with_coverage(Country.objects.select_related("region")), institutions)
    return CountryTable(
        request,
        filters.queryset,
        filters=filters,
        may_export=request.user.may(Action.EXPORT),
        institutions=institutions,
    )


register(Source("countries", _("Countries"), lambda given: reverse("country_list"), countries_table, has_views=True))
