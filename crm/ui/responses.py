"""Answers that work for a whole page, for htmx and for the dialog alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from crm.ui.filters import FilterBar
from crm.ui.tables import Table

_VIEW_BARS: list[Callable[[Any, Table], Any]] = []


def use_view_bar(bar: Callable[[Any, Table], Any]) -> None:
    """Say what stands above a list that has saved views: a bar, or a redirect to the view that the list opens with."""
    _VIEW_BARS[:] = [bar]


def done(request: HttpRequest, url: str) -> HttpResponse:
    """After a form was saved: go to `url`, also out of a dialog or a fragment."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def done_here(request: HttpRequest, url: str, *, events: dict[str, Any] | None = None) -> HttpResponse:
    """After a form was saved in a dialog over a page that updates itself by `events`; `url` is for no JavaScript."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"closeModal": "", **(events or {})})})
    return HttpResponseRedirect(url)


def form_page(request: HttpRequest, template: str, context: dict[str, Any], *, form: Any) -> HttpResponse:
    """A page with a form; an invalid one answers 422, which htmx swaps in as it does 200."""
    return render(request, template, {"form": form, **context}, status=422 if form.is_bound and form.errors else 200)


def list_page(
    request: HttpRequest, template: str, *, table: Table, filters: FilterBar | None = None, **context: Any
) -> HttpResponseBase:
    """A list: the page, the CSV file (`?export=csv`), or the options of one facet (`?facet=name`), as asked."""
    if filters is not None and (facet := filters.asked_facet()):
        shape = "crm/ui/_facet.html" if getattr(request, "htmx", False) else "crm/ui/facet_page.html"
        return render(request, shape, {"facet": facet, "filters": filters})
    if table.csv_is_asked:
        # a large one is written in the background, which takes a POST
        return (
            table.csv_response() if table.is_small or not table.export_url else HttpResponseRedirect(table.export_url)
        )
    bar = _VIEW_BARS[0](request, table) if _VIEW_BARS and table.source else None
    if isinstance(bar, HttpResponseRedirect):
        return bar
    return render(request, template, {"table": table, "filters": filters, "view_bar": bar, **context})
