"""What a list shows of its views: which one is in force, whether it was changed, the others, and the columns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect
from django.urls import reverse

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.saved_views.models import DefaultView, SavedView
from crm.saved_views.services import cleaned
from crm.ui import sources
from crm.ui.tables import Table

NONE = "all"  # ?view=all: the list itself, also for somebody whose list opens with a view


def url_of(view: SavedView) -> str:
    """The list as the view has it, all of it in the URL."""
    parts = [urlencode({"view": view.uid}), view.query]
    if view.columns:
        parts.append(urlencode({"columns": ",".join(view.columns)}))
    return f"{sources.find(view.source).url({})}?{'&'.join(filter(None, parts))}"


@dataclass
class ViewBar:
    table: Table
    source: sources.Source
    current: SavedView | None = None
    default: SavedView | None = None
    mine: list[SavedView] = field(default_factory=list)
    shared: list[SavedView] = field(default_factory=list)

    @property
    def query(self) -> str:
        return cleaned(self.table.request.GET.urlencode())

    @property
    def columns(self) -> list[str]:
        """Names of the columns in the list; empty for the usual ones."""
        return [] if self.table.chosen == self.table.usual else [column.name for column in self.table.chosen]

    @property
    def is_changed(self) -> bool:
        return self.current is not None and (self.current.query, self.current.columns) != (self.query, self.columns)

    @property
    def is_plain(self) -> bool:
        """Nothing to save: the list as it always is."""
        return not self.query and not self.columns

    @property
    def may_edit(self) -> bool:
        user = self.table.request.user
        return self.current is not None and (
            self.current.owner_id == user.pk or (self.current.is_shared and user.may(Action.ADMINISTER))
        )

    @property
    def is_default(self) -> bool:
        return self.current is not None and self.current == self.default

    @property
    def none_url(self) -> str:
        return f"{self.source.url({})}?view={NONE}"

    @property
    def new_url(self) -> str:
        state = {"list": self.source.name, "query": self.query, "columns": json.dumps(self.columns)}
        return f"{reverse('view_new')}?{urlencode(state)}"

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Columns that can be chosen: name, label, whether it is in the list. The first always is."""
        return [(c.name, str(c.label), c.name in self.table.on) for c in self.table.columns[1:] if c.label]

    @property
    def first(self) -> str:
        return self.table.columns[0].name

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What choosing columns carries along."""
        given = self.table.request.GET
        return [
            (name, value)
            for name, values in given.lists()
            if name not in {"columns", "after", "before", "export", "facet"}
            for value in values
        ]


def bar_for(request: StaffRequest, table: Table) -> ViewBar | HttpResponseRedirect | None:
    """The bar of a list that has views; a redirect when the URL names a view and nothing else, or nothing at all."""
    source = sources.SOURCES.get(table.source)
    if source is None or not source.has_views:
        return None
    own_default = DefaultView.objects.filter(user=request.user, source=source.name, view=OuterRef("pk"))
    views = list(
        SavedView.objects.visible_to(request.user)
        .filter(source=source.name)
        .select_related("owner")
        .annotate(is_default=Exists(own_default))
        .order_by("name", "pk")
    )
    bar = ViewBar(
        table, source,
        default=next((view for view in views if view.is_default), None),
        mine=[view for view in views if view.owner_id == request.user.pk],
        shared=[view for view in views if view.owner_id != request.user.pk],
    )  # fmt: skip
    asked = request.GET.get("view", "")
    bar.current = next((view for view in views if str(view.uid) == asked), None)
    if not request.GET and bar.default is not None:
        return HttpResponseRedirect(url_of(bar.default))
    if bar.current is not None and list(request.GET) == ["view"] and (bar.current.query or bar.current.columns):
        return HttpResponseRedirect(url_of(bar.current))
    return bar
