"""Lists by name: what an export, a saved view or a bulk edit needs to make the same list again, elsewhere and later.

    register(Source("people", _("People"), lambda given: reverse("person_list"), people_table, has_views=True))
    table = build("people", request)

A table's function takes a request (whose GET is the list's state) and the list's arguments, if it has some: build("members", request,
segment="…"). It asks `visible_to(request.user)`, so whoever rebuilds it sees what they may see by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.errors import Conflict

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from crm.ui.tables import Table


@dataclass(frozen=True)
class Source:
    """url: the list's page, from its arguments. has_views: whether views of it can be saved."""

    name: str
    label: StrOrPromise
    url: Callable[[Mapping[str, str]], str]
    table: Callable[..., Table]
    has_views: bool = False


SOURCES: dict[str, Source] = {}


def register(source: Source) -> None:
    SOURCES[source.name] = source


def find(name: str) -> Source:
    """A list by its name; Conflict for one that is no more (a bookmark, an old job)."""
    if name not in SOURCES:
        raise Conflict(_("There is no such list any more. Open the list again and begin from there."), code="no_list")
    return SOURCES[name]


def build(name: str, request: Any, **arguments: str) -> Table:
    """The list as a table that knows where it comes from."""
    table = find(name).table(request, **arguments)
    table.source, table.arguments = name, {key: str(value) for key, value in arguments.items()}
    return table


def request_of(user: User, *, query: str, path: str = "/") -> Any:
    """A request as a task makes it: the user and the list's state, nothing else."""
    request = HttpRequest()
    request.method = "GET"
    request.path = request.path_info = path
    request.user = user
    request.GET = QueryDict(query)
    return request
