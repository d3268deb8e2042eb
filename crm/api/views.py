"""What every endpoint is made of: a token, one rule for who may do what, problems instead of pages, ETags, keys.

A `Resource` says in `needs` which actions each of its methods asks for (reading: SEE), gives its rows with `rows(action)` and
calls services. Rows that the user may not see answer 404; rows that he may see and not change, 403.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from crm.accounts.models import User
from crm.accounts.rules import TOKEN, Action
from crm.api import paging, rates
from crm.api.auth import TokenAuthentication
from crm.api.filters import Filter, narrow
from crm.api.models import ApiToken
from crm.api.once import answer_once
from crm.api.parsers import StrictJSONParser
from crm.api.problems import CONTENT_TYPE, Problem, bad_query, problem_of
from crm.api.schema import ApiSchema
from crm.api.scopes import actions_of, scope_for
from crm.audit.doors import through
from crm.audit.models import Door

SAFE = {"GET", "HEAD", "OPTIONS"}
WITH_ETAG = {200, 201}


class ApiView(GenericViewSet):
    """The machinery. `needs`: view action → the actions of which the user needs one."""

    authentication_classes = [TokenAuthentication]
    renderer_classes: Sequence[type[BaseRenderer]] = [JSONRenderer]
    parser_classes: Sequence[type[BaseParser]] = [StrictJSONParser]
    pagination_class = None
    filter_backends: Sequence[Any] = []
    schema = ApiSchema()
    http_method_names = ["get", "post", "patch", "put", "delete", "head", "options"]
    needs: ClassVar[Mapping[str, tuple[Action, ...]]] = {}
    reads: ClassVar[frozenset[str]] = frozenset()  # POSTs that only ask
    access = TOKEN
    paged: ClassVar[frozenset[str]] = frozenset()  # actions that answer with a page
    by_rules: ClassVar[frozenset[str]] = frozenset()  # GETs that answer by rules, which may have become unusable (422)
    without_etag: ClassVar[frozenset[str]] = frozenset()  # actions on what nobody can read by itself
    matched: ClassVar[frozenset[str]] = frozenset()  # POSTs that change what the client read, and keep to `If-Match`
    rate: rates.Rate | None = None

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        view = super().as_view(actions, **initkwargs)
        view.access = TOKEN
        return view

    @property
    def user(self) -> User:
        user: User = self.request.user
        return user

    @property
    def token(self) -> ApiToken:
        token: ApiToken = self.request.auth
        return token

    def needed(self) -> tuple[Action, ...]:
        return self.needs.get(str(self.action), (Action.SEE,))

    # --- one request
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs, self.headers = args, kwargs, self.default_response_headers
        self.request = asked = self.initialize_request(request, *args, **kwargs)
        with ExitStack() as stack:
            try:
                self.initial(asked, *args, **kwargs)
                stack.enter_context(through(Door.TOKEN, self.token.pk))
                stack.enter_context(translation.override(self.user.language))
                response = self._answer(asked, *args, **kwargs)
            except Exception as error:
                response = self.handle_exception(error)
            self.response = self.finalize_response(asked, response, *args, **kwargs)
        return self.response

    def _answer(self, asked: Request, *args: Any, **kwargs: Any) -> Any:
        method = str(asked.method).lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        work = partial(handler or self.http_method_not_allowed, asked, *args, **kwargs)
        if method == "post" and handler is not None and self.action not in self.reads:
            return answer_once(asked, self.token, work)
        return work()

    def check_permissions(self, request: Request) -> None:
        if not request.user or not request.user.is_authenticated:
            raise Problem(401, _("No token was sent."))
        if self.action is None:  # a method that is not offered: say that, not that it is forbidden
            return
        self._limit()
        needed = self.needed()
        if any(self.user.may(action) for action in needed):
            return
        scopes = scope_for(needed)
        if not actions_of(self.token.scopes) & set(needed):
            sentence = _("This token lacks the scope for it: %(scopes)s.") % {"scopes": ", ".join(scopes)}
            raise Problem(403, sentence, code="scope_missing", data={"needed_scopes": scopes})
        raise Problem(403, _("The role of this token's user does not allow it. An administrator can change it."))

    def _limit(self) -> None:
        self.rate = rates.count(self.token.pk)
        if self.rate is not None and self.rate.is_over:
            raise Problem(
                429, _("This token may ask %(limit)s times a minute.") % {"limit": self.rate.limit},
                headers={"Retry-After": str(self.rate.reset)},
            )  # fmt: skip

    def handle_exception(self, exc: Exception) -> Response:
        problem = problem_of(exc)
        renderer = JSONRenderer()
        self.request.accepted_renderer, self.request.accepted_media_type = renderer, renderer.media_type
        response = Response(
            problem.body(), status=problem.status, headers=dict(problem.headers), content_type=CONTENT_TYPE
        )
        response.exception = True
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.rate is not None:
            for name, value in self.rate.headers().items():
                response[name] = value
        patch_cache_control(response, private=True, no_cache=True)
        if isinstance(response, Response) and response.status_code in WITH_ETAG:
            response.add_post_render_callback(partial(_stamp, request))
        return response

    # --- parts of handlers
    def read(self, serializer: type[BaseSerializer[Any]] | BaseSerializer[Any], *, partial: bool = False) -> Any:
        """What was sent, checked by a serializer; a field that is not known is refused, so that a typo is not lost."""
        data = self.request.data
        if not isinstance(data, Mapping):
            raise Problem(422, _("Send a JSON object."), fields={"body": [_("Send a JSON object.")]})
        made = serializer(data=data, partial=partial, context={"view": self, "request": self.request}) if isinstance(serializer, type) else serializer  # fmt: skip
        known = {name for name, field in getattr(made, "fields", {}).items() if not field.read_only}
        if strange := sorted(str(name) for name in data if name not in known):
            sentence = _("This is not a field here. Known: %(known)s.") % {"known": ", ".join(sorted(known))}
            raise Problem(422, sentence, code="unknown_field", fields={name[:60]: [sentence] for name in strange[:10]})
        made.is_valid(raise_exception=True)
        return made.validated_data

    def no_query(self, *allowed: str) -> None:
        """Refuse query parameters that this endpoint does not have."""
        for name in self.request.query_params:
            if name not in allowed:
                raise bad_query(name[:60], _("There is no parameter “%(name)s” here.") % {"name": name[:60]})


class Resource(ApiView):
    """Rows with a uid: list, one, and what a subclass adds."""

    lookup_field = "uid"
    lookup_value_converter = "uuid"
    paged = frozenset({"list"})
    filters: ClassVar[Sequence[Filter]] = ()
    filters_below: ClassVar[Mapping[str, Sequence[Filter]]] = {}  # of pages below one row, by action
    sorts: ClassVar[Mapping[str, Sequence[str]]] = {}  # name in the URL → keys; "-name" turns it round
    default_sort = ""
    page_size: ClassVar[int] = paging.DEFAULT
    most: ClassVar[int] = paging.MOST

    def rows(self, action: Action = Action.SEE) -> QuerySet[Any]:
        """What the user may do `action` to."""
        raise NotImplementedError

    def full(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With all that a representation shows, in as many queries for one row as for a hundred."""
        return rows

    def resolve(self, rows: QuerySet[Any], uid: UUID) -> Any:
        row = rows.filter(uid=uid).first()
        if row is None:
            raise Problem(404, _("No such thing, or nothing that this token may see."))
        return row

    def find(self, uid: UUID, action: Action | None = None) -> Any:
        """The row, if the user may see it (404), and do `action` to it (403)."""
        row = self.resolve(self.full(self.rows()), uid)
        if action is not None and not self.rows(action).filter(pk=row.pk).exists():
            raise Problem(403, _("You may see this, but not change it here."))
        return row

    def represent_all(self, rows: Sequence[Any]) -> list[Any]:
        """How each row of a page is told."""
        return list(self.get_serializer(rows, many=True).data)

    def represent(self, row: Any) -> Any:
        return self.represent_all([row])[0]

    def again(self, row: Model) -> Any:
        """The representation after a change."""
        fresh = self.full(type(row)._default_manager.filter(pk=row.pk)).get()
        return self.represent(fresh)

    def created(self, row: Any) -> Response:
        """201 with what was made, and where it is found from now on."""
        return Response(self.again(row), status=201, headers={"Location": f"{self.request.path}/{row.uid}"})

    # --- reading
    def page(self, rows: QuerySet[Any] | None = None, asked: paging.Asked | None = None) -> Response:
        asked = asked or paging.Asked.of(self.request, default=self.page_size, most=self.most)
        rows = narrow(self.rows() if rows is None else rows, self.filters, asked.filters, self.user)
        made = paging.page(asked, self.full(rows), self._order(asked))
        return paging.answer(self.request, made, self.represent_all(made.rows))

    def _order(self, asked: paging.Asked) -> Sequence[str]:
        wanted = asked.sort or self.default_sort
        name = wanted.removeprefix("-")
        if not wanted and not self.sorts:
            return ["pk"]
        if name not in self.sorts:
            offered = ", ".join(part for known in self.sorts for part in (known, f"-{known}"))
            raise bad_query("sort", _("“sort” is one of: %(offered)s.") % {"offered": offered})
        if wanted == name:
            return list(self.sorts[name])
        return [key[1:] if key.startswith("-") else f"-{key}" for key in self.sorts[name]]

    def show(self, row: Any, *, status: int = 200, location: str = "") -> Response:
        return Response(self.represent(row), status=status, headers={"Location": location} if location else None)

    @contextmanager
    def unchanged(self, uid: UUID, action: Action | None = None) -> Iterator[Any]:
        """`held`, in a transaction that ends with the block."""
        with transaction.atomic():
            yield self.held(uid, action)

    def held(self, uid: UUID, action: Action | None = None) -> Any:
        """The row to change, locked until the transaction ends, and as the client read it (`If-Match`)."""
        found = self.find(uid, action)
        type(found)._base_manager.select_for_update().get(pk=found.pk)
        row = self.resolve(self.full(self.rows()), uid)
        self.require_match(row)
        return row

    def require_match(self, row: Any) -> None:
        """`If-Match`: refuse when the row is not the one that the client read. Called with the row locked."""
        wanted = str(self.request.headers.get("If-Match", "")).strip()
        if not wanted or wanted == "*":
            return
        present = etag_of(JSONRenderer().render(self.represent(row)))
        if present not in [part.strip() for part in wanted.split(",")]:
            raise Problem(
                412, _("This changed since you read it. Read it again; nothing was changed."), headers={"ETag": present}
            )


def etag_of(content: bytes) -> str:
    """A strong validator: of the representation itself, so that it changes exactly when that does."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _stamp(request: Request, response: Response) -> HttpResponse | None:
    response["ETag"] = etag = etag_of(response.content)
    wanted = str(request.headers.get("If-None-Match", ""))
    if request.method not in {"GET", "HEAD"} or not wanted:
        return None
    if wanted.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in wanted.split(",")]:
        unchanged = HttpResponse(status=304)
        for name in ("ETag", "Cache-Control", "Vary", "Link"):
            if name in response:
                unchanged[name] = response[name]
        del unchanged["Content-Type"]
        return unchanged
    return None


class NotFound(ApiView):
    """Any other address under /api/v1/: a problem, never a page."""

    schema = None  # type: ignore[assignment]
    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        sentence = _("There is no such address. Addresses have no slash at the end; %(docs)s lists them.")
        raise Problem(404, sentence % {"docs": "/api/v1/docs"})

    def nothing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise AssertionError("initial() has refused it")
