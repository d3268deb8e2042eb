"""/people: list, one, add, change, archive; by the rules of a segment; many at once; all as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.consent.api import PermissionActions
from contacts.directory import services
from contacts.directory.api import shown
from contacts.directory.api.base import DirectoryResource
from contacts.directory.api.bulk import upsert_people
from contacts.directory.api.filters import EXAMPLE_TREE, by_rules, person_filters
from contacts.directory.api.serializers import (
    NewPersonIn,
    PeoplePage,
    PeopleQuery,
    PersonIn,
    PersonOut,
    UpsertIn,
    UpsertOut,
)
from contacts.directory.models import Person
from contacts.directory.queries import is_narrow
from crm.accounts.rules import Action
from crm.api import paging
from crm.api.filters import narrow
from crm.audit.services import record

PERSON = {
    "given_name": "Amina", "family_name": "Warsame", "language": "fr", "country": "SN", "email": "amina@ministry.example",
    "tags": ["speaker"], "external_ids": {"erp": "P-1042"},
}  # fmt: skip
CHUNK = 500


class NdjsonRenderer(BaseRenderer):
    media_type, format, charset = "application/x-ndjson", "ndjson", None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data)


class PersonResource(PermissionActions, DirectoryResource):
    """Somebody whom the campaign knows."""

    serializer_class = PersonOut
    filters = person_filters()
    sorts = {"name": ["sort_key"], "created_at": ["created_at"], "updated_at": ["updated_at"], "last_mailed_at": ["last_mailed_at"]}  # fmt: skip
    default_sort = "name"
    needs = {
        **DirectoryResource.needs,
        **PermissionActions.needs,
        "upsert": (Action.BULK,),
        "export": (Action.EXPORT,),
    }
    reads = frozenset({"query"})
    paged = frozenset({"list", "consent_events"})

    def rows(self, action: Action = Action.SEE) -> Any:
        return Person.objects.filter(erased_at__isnull=True).visible_to(self.user, action)

    def _in_order(self, rows: Any) -> Any:
        """`rows` with the quickest way to a page of them; words that are searched have their own."""
        asked = set(self.request.query_params)
        if is_narrow(self.user):
            return rows if "q" in asked else rows.by_country()
        is_whole = asked <= paging.PAGING and self.user.scope(Action.SEE).countries is None
        return rows.by_last_mail() if is_whole else rows

    def full(self, rows: Any) -> Any:
        return rows.defer("names", "search_text")

    def represent_all(self, rows: Sequence[Person]) -> Any:
        return shown.people(rows)

    @extend_schema(summary="People, a page at a time")
    def list(self, request: Request) -> Response:
        return self.page(self._in_order(self._unarchived()))

    def _unarchived(self) -> Any:
        asked = self.request.query_params
        return self.rows() if "archived" in asked else self.rows().filter(archived_at__isnull=True)

    @extend_schema(summary="One person", description="The uid of somebody who was merged leads to who they are now.")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add a person",
        description="With an address and a first membership, if you have them. A name is enough.",
        request=NewPersonIn,
        responses={201: PersonOut},
        examples=[OpenApiExample("A person", PERSON, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        data = dict(self.read(NewPersonIn))
        place = data.get("organization") or data.get("post")
        self.stay_in_reach(data.get("country"), place)
        more = {name: data.pop(name) for name in ("tags", "external_ids") if name in data}
        with transaction.atomic():
            person = services.create_person(actor=self.user, **data)
            self.extras(person, more)
        return self.created(person)

    @extend_schema(
        summary="Change a person",
        description="Only what you send changes. `tags` are replaced as a whole, `external_ids` one by one.",
        request=PersonIn,
        responses=PersonOut,
        examples=[OpenApiExample("Another language", {"language": "fr"}, request_only=True)],
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(PersonIn, partial=True))
        with transaction.atomic():
            person = self.locked(uid)
            if "country" in data:
                self.stay_in_reach(data["country"], person.memberships.current().first())
            self.extras(person, data)
            services.edit_person(person=person, actor=self.user, changes=data)
        return Response(self.again(person))

    @extend_schema(
        summary="Archive a person",
        description="Out of lists and audiences; history stays, and Undo on the screen brings them back.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_person(person=self.locked(uid), actor=self.user)
        return Response(status=204)

    @extend_schema(
        summary="People by rules",
        description="The rules of a segment without saving one. What is wrong with a rule stands at its path in `fields`.",
        request=PeopleQuery,
        responses=PeoplePage,
        examples=[
            OpenApiExample("French-speaking governments", {"filter": EXAMPLE_TREE, "limit": 100}, request_only=True)
        ],
    )
    @action(detail=False, methods=["post"])
    def query(self, request: Request) -> Response:
        data = self.read(PeopleQuery)
        asked = paging.Asked(
            request.path, {"filter": data["filter"]}, data.get("limit", paging.DEFAULT), data.get("after", ""),
            "", data.get("count", ""),
        )  # fmt: skip
        rows = by_rules(self._in_order(self.rows().filter(archived_at__isnull=True)), data["filter"], "people")
        made = paging.page(asked, self.full(rows), ["sort_key"])
        return paging.answer(request, made, self.represent_all(made.rows))

    @extend_schema(
        summary="Add or change many people",
        description="Up to 500 rows. Each is found by `match`, then changed, or else added; a row that cannot be used is told in "
        "its result and does not stop the others. Sending the same rows again changes nothing.",
        request=UpsertIn,
        responses=UpsertOut,
        examples=[OpenApiExample("Two people of an ERP", {"match": "erp", "rows": [{**PERSON}, {"name": "Jean Diouf", "external_ids": {"erp": "P-1043"}}]}, request_only=True)],
    )  # fmt: skip
    @action(detail=False, methods=["post"])
    def upsert(self, request: Request) -> Response:
        data = self.read(UpsertIn)
        return Response(upsert_people(view=self, match=data["match"], rows=data["rows"]))

    @extend_schema(
        summary="All people, as a stream",
        description="One JSON object a line (`application/x-ndjson`), in the order of uids, under the same filters as the list. "
        "Needs the scope `export`; who took it is written down.",
        parameters=None,
        responses={(200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, description="One person a line.")},
    )
    @action(detail=False, methods=["get"], renderer_classes=[JSONRenderer, NdjsonRenderer])
    def export(self, request: Request) -> StreamingHttpResponse:
        given = {name: request.query_params.getlist(name) for name in request.query_params}
        rows = self.rows(Action.EXPORT)
        rows = rows if "archived" in given else rows.filter(archived_at__isnull=True)
        rows = narrow(rows, self.filters, given, self.user)
        record(verb="list.exported", actor=self.user, object_type="person", summary=request.get_full_path()[:300])
        return StreamingHttpResponse(
            self._lines(rows), content_type="application/x-ndjson", headers={"X-Accel-Buffering": "no"}
        )

    def _lines(self, rows: Any) -> Iterator[bytes]:
        """A chunk of keys at a time: memory stays flat, and each chunk costs the same."""
        last, renderer = 0, JSONRenderer()
        while True:
            chunk = list(self.full(rows.filter(pk__gt=last)).order_by("pk")[:CHUNK])
            for told in self.represent_all(chunk):
                yield renderer.render(told) + b"\n"
            if len(chunk) < CHUNK:
                return
            last = chunk[-1].pk
