"""Countries: where coverage is low, and which institutions are known there."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.directory.coverage import indicator, latest, over_years
from contacts.directory.geography import numeric_codes
from contacts.directory.lists import ordered_constituencies
from contacts.directory.models import Country, Organization, Person
from contacts.directory.tabs import directory_tabs
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui.charts import Chart, Series
from crm.ui.responses import list_page
from crm.ui.sources import build

INSTITUTIONS_SHOWN = 60


@requires(Action.SEE)
def country_list(request: StaffRequest) -> HttpResponseBase:
    """Every country with its latest coverage and how many institutions the user may see there; the map has all of them."""
    countries = list(Country.objects.order_by("sort_key"))
    figures = latest(country.code for country in countries)
    for country in countries:
        vars(country)["figure"] = figures.get(country.code)
    table = build("countries", request)
    return list_page(
        request,
        "contacts/directory/country_list.html",
        table=table,
        filters=table.filters,
        map=_map(countries),
        indicator=indicator(),
        unknown=len(countries) - len(figures),
        tabs=directory_tabs(request.user, "country_list"),
    )


def _map(countries: list[Any]) -> Chart:
    points = [
        {
            "country": numeric_codes().get(country.code, country.code),
            "label": country.label,
            "value": float(country.figure.value),
            "url": reverse("country_detail", args=[country.code]),
        }
        for country in countries
        if country.figure
    ]
    return Chart("map", points=points, unit=" %", name=_("Coverage"))


@requires(Action.SEE)
def country_detail(request: StaffRequest, code: str) -> HttpResponse:
    """Coverage over the years, and institutions by constituency: also the constituencies where nobody is known."""
    country = get_object_or_404(Country.objects.select_related("region__parent"), code=code.upper())
    rows = Organization.objects.active().visible_to(request.user)
    inside = rows.filter(Q(country=country) | Q(countries_of_work__contains=[country.code]))
    counts = dict(inside.order_by().values_list("constituency__root_code").annotate(n=Count("pk")))
    shown = inside.select_related("constituency").order_by("sort_key")[:INSTITUTIONS_SHOWN]
    by_root: dict[str, list[Organization]] = {}
    for organization in shown:
        by_root.setdefault(organization.constituency.root_code, []).append(organization)
    figures = over_years(country.code)
    context = {
        "country": country,
        "figures": figures,
        "figure": figures[-1] if figures else None,
        "first": figures[0] if len(figures) > 1 else None,
        "indicator": indicator(),
        "chart": _chart(figures),
        "people": Person.objects.active().visible_to(request.user).filter(country=country).count(),
        "institutions": sum(counts.values()),
        "groups": [
            {"constituency": c, "count": counts.get(c.code, 0), "rows": by_root.get(c.code, [])}
            for c in ordered_constituencies()
            if c.parent_id is None and (c.is_fixed or counts.get(c.code))
        ],
        "may_add": request.user.may(Action.EDIT_DIRECTORY),
    }
    return render(request, "contacts/directory/country_detail.html", context)


def _chart(figures: list[Any]) -> Chart:
    """Bars for few years, a line for many: a line between two measurements would invent what lies between."""
    labels = [str(figure.year) for figure in figures]
    values: list[float | None] = [float(figure.value) for figure in figures]
    kind = "line" if len(figures) > 4 else "bar"
    return Chart(kind, labels, [Series(_("Coverage"), values)], unit=" %", name=_("Coverage"))
