"""Segments with their count and members, the fields that rules may ask about, and lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.directory.api import shown
from contacts.directory.api.filters import EXAMPLE_TREE
from contacts.directory.api.serializers import PersonOut, Tree
from contacts.directory.models import Organization, Person
from contacts.segments import counting, lists, services
from contacts.segments.compiler import compile_segment, compile_tree
from contacts.segments.insight_api import InsightMixin
from contacts.segments.models import ContactList, Segment, Selects
from contacts.segments.registry import PEOPLE, catalogue
from contacts.segments.sentence import plain_sentence
from contacts.segments.tables import members_of
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters, paging
from crm.api.fields import text
from crm.api.problems import Problem, bad_query
from crm.api.registry import Section
from crm.api.views import ApiView, Resource
from crm.errors import Invalid

OWN = (Action.SEGMENTS, Action.SEGMENTS_OWN)
MOST_MEMBERS = 5000


class SegmentOut(serializers.Serializer[Segment]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    selects = serializers.ChoiceField(Selects.choices)
    tree = Tree()
    version = serializers.IntegerField(help_text="Grows with each change.")
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    last_count = serializers.IntegerField(allow_null=True)
    last_counted_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SegmentIn(serializers.Serializer[Any]):
    name = text(120)
    tree = Tree(required=False)
    description = text(2000)


class NewSegmentIn(serializers.Serializer[Any]):
    name = text(120, required=True)
    tree = Tree()
    selects = serializers.ChoiceField(Selects.choices, required=False)
    description = text(2000)


class CountIn(serializers.Serializer[Any]):
    tree = Tree()
    selects = serializers.ChoiceField(Selects.choices, required=False)


class CountOut(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Within your countries, now.")
    sentence = serializers.CharField(help_text="The rules in plain words.")


class OperatorOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()
    takes = serializers.CharField(help_text="nothing, choices, number, range, days, date or text")


class FieldOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()
    group = serializers.CharField()
    help = serializers.CharField(allow_blank=True)
    selects = serializers.ListField(child=serializers.CharField())
    operators = OperatorOut(many=True)
    unit = serializers.CharField(allow_blank=True)
    may_be_unknown = serializers.BooleanField(help_text="Whoever it is not known of is left out, whatever is negated.")


class ChoiceOut(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="What stands in the rule.")
    label = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class ChoicesOut(serializers.Serializer[Any]):
    data = ChoiceOut(many=True)


class FieldsOut(serializers.Serializer[Any]):
    data = FieldOut(many=True)


class ListOut(serializers.Serializer[ContactList]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    selects = serializers.ChoiceField(Selects.choices)
    version = serializers.IntegerField(help_text="Grows with each change of members.")
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


COMMON = [
    filters.text("q", "Words of the name.", lambda rows, text, user: rows.search(text), example="ministers"),
    filters.choice("selects", "What it selects.", Selects.values, lambda rows, values, user: rows.filter(selects__in=values)),
    filters.flag("archived", "true: only archived ones. Without it, only those in use.", _archived),
]  # fmt: skip


class MembersMixin:
    """A page of people or organizations, as their own resources show them."""

    def members_page(self: Any, rows: Any, selects: str) -> Response:
        asked = paging.Asked.of(self.request)
        self.no_query(*paging.PAGING - {"sort"})
        is_people = selects == PEOPLE
        rows = rows.filter(erased_at=None) if is_people else shown.with_refs(rows)
        made = paging.page(asked, rows, ["sort_key"])
        tell: Any = shown.people if is_people else shown.organizations
        return paging.answer(self.request, made, tell(made.rows))


class SegmentResource(InsightMixin, MembersMixin, Resource):
    """Saved rules that select people or organizations now."""

    serializer_class = SegmentOut
    filters = COMMON
    sorts = {"name": ["sort_key"], "updated_at": ["updated_at"]}
    default_sort = "name"
    needs = {"create": OWN, "partial_update": OWN, "destroy": OWN, "bring_back": OWN, "to_list": OWN}
    reads = frozenset({"count_rules"})
    by_rules = frozenset({"count", "members", "why", "overlap"})
    paged = frozenset({"list", "members", "sizes", "versions"})

    def rows(self, action: Action = Action.SEE) -> Any:
        return Segment.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("owner")

    @extend_schema(summary="Segments")
    def list(self, request: Request) -> Response:
        return self.page(self.rows() if "archived" in request.query_params else self.rows().active())

    @extend_schema(summary="One segment")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Save a segment",
        request=NewSegmentIn,
        responses={201: SegmentOut},
        examples=[OpenApiExample("French-speaking governments", {"name": "French-speaking governments", "tree": EXAMPLE_TREE}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        data = self.read(NewSegmentIn)
        with in_tree():
            segment = services.create_segment(actor=self.user, **data)
        return self.show(segment, status=201, location=f"{request.path}/{segment.uid}")

    @extend_schema(
        summary="Change a segment",
        description="Its rules or its name, as the next version; its description alone makes none. "
        "Approvals of mailings that use it lapse when the rules change.",
        request=SegmentIn,
        responses=SegmentOut,
    )
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(SegmentIn, partial=True)
        with transaction.atomic(), in_tree():
            held = self._locked(uid)
            segment = services.save_segment(
                segment=held, expected_version=held.version, tree=data.get("tree", held.tree),
                name=data.get("name"), description=data.get("description"), actor=self.user,
            )  # fmt: skip
        return Response(self.again(segment))

    def _locked(self, uid: UUID) -> Segment:
        found = self.find(uid, Action.SEGMENTS)
        held = Segment.objects.select_for_update(of=("self",)).select_related("owner").get(pk=found.pk)
        self.require_match(held)
        return held

    @extend_schema(
        summary="Archive a segment",
        description="What uses it goes on working; `/segments/{uid}/bring-back` brings it back.",
        responses={204: None},
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            services.archive_segment(segment=self._locked(uid), actor=self.user)
        return Response(status=204)

    @extend_schema(
        summary="Bring an archived segment back",
        description="As it was. `GET /segments?archived=true` lists those that are archived.",
        request=None,
        responses=SegmentOut,
    )
    @action(detail=True, methods=["post"], url_path="bring-back")
    def bring_back(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            held = self._locked(uid)
            services.unarchive_segment(segment=held, actor=self.user)
        return Response(self.again(held))

    @extend_schema(
        summary="Count by rules",
        description="How many people or organizations these rules select now, without saving them, and the rules in plain words.",
        request=CountIn,
        responses=CountOut,
        examples=[OpenApiExample("French-speaking governments", {"tree": EXAMPLE_TREE}, request_only=True)],
    )  # fmt: skip
    @action(detail=False, methods=["post"], url_path="count")
    def count_rules(self, request: Request) -> Response:
        data = self.read(CountIn)
        selects = data.get("selects", PEOPLE)
        with in_tree():
            compiled = compile_tree(data["tree"], selects, scope_countries=self.user.scope(Action.SEE).countries)
        found = counting.count(compiled)
        return Response({"count": found, "sentence": plain_sentence(data["tree"], selects)})

    @extend_schema(summary="Count a segment", responses=CountOut)
    @action(detail=True, methods=["get"])
    def count(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        segment, countries = self.find(uid), self.user.scope(Action.SEE).countries
        found = counting.count(compile_segment(segment, scope_countries=countries))
        return Response({"count": found, "sentence": plain_sentence(segment.tree, segment.selects)})

    @extend_schema(
        summary="Whom a segment selects",
        description="People, or organizations when it selects those, as their own lists show them.",
        responses=PersonOut(many=True),
    )
    @action(detail=True, methods=["get"])
    def members(self, request: Request, uid: UUID) -> Response:
        segment = self.find(uid)
        return self.members_page(members_of(segment, self.user.scope(Action.SEE).countries), segment.selects)

    @extend_schema(
        summary="Keep whom it selects now, as a list",
        description="The list does not change by itself afterwards.",
        request=None,
        responses={201: ListOut},
    )
    @action(detail=True, methods=["post"], url_path="to-list")
    def to_list(self, request: Request, uid: UUID) -> Response:
        segment = self.find(uid)
        made, _number = lists.save_as_list(segment=segment, name=segment.name, actor=self.user)
        base = request.path.partition("/segments/")[0]
        return Response(ListOut(made).data, status=201, headers={"Location": f"{base}/lists/{made.uid}"})


class in_tree:  # noqa: N801 reads as a word
    """Mistakes in rules are told by their place in `tree`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Invalid) and error.code == "bad_rules":
            places = [
                (".".join(["tree", *(f"rules.{number}" for number in path.split(".") if number)]), sentence)
                for path, sentence in error.data.get("errors", ())
            ]
            raise Invalid(error.message, code=error.code, errors=places) from error


class FieldResource(ApiView):
    """What rules may ask about. The builder's menus come from the same registry."""

    @extend_schema(
        summary="Fields of segment rules",
        description="Every field with its operators. `takes: choices` means a list of values; find them with `/segment-fields/choices`.",
        responses=FieldsOut,
    )
    def list(self, request: Request) -> Response:
        self.no_query()
        found = [
            {
                "code": field.code, "label": str(field.label), "group": str(field.group), "help": str(field.help),
                "selects": sorted(field.selects), "unit": field.unit, "may_be_unknown": bool(field.unknown),
                "operators": [{"code": o.code, "label": str(o.label), "takes": o.takes} for o in field.operators],
            }
            for field in sorted(catalogue().values(), key=lambda field: field.order)
        ]  # fmt: skip
        return Response({"data": found})

    @extend_schema(
        summary="Values that a field takes",
        parameters=[
            OpenApiParameter("field", str, required=True, description="Code of the field."),
            OpenApiParameter("q", str, description="Words to find a value by."),
        ],
        responses=ChoicesOut,
    )
    @action(detail=False, methods=["get"])
    def choices(self, request: Request) -> Response:
        self.no_query("field", "q")
        field = catalogue().get(request.query_params.get("field", ""))
        if field is None or field.choices is None:
            raise bad_query("field", _("There is no field of this code that takes choices."))
        words = request.query_params.get("q", "")[:100]
        selects = PEOPLE if PEOPLE in field.selects else "organizations"
        found = field.choices.find(words, user=self.user, selects=selects, limit=100)
        return Response({"data": [{"value": item.value, "label": item.label, "note": item.note} for item in found]})


class NewListIn(serializers.Serializer[Any]):
    name = text(120, required=True)
    selects = serializers.ChoiceField(Selects.choices, required=False)
    description = text(2000)


class ListIn(serializers.Serializer[Any]):
    name = text(120, required=True)


class MembersIn(serializers.Serializer[Any]):
    add = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_MEMBERS)
    remove = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_MEMBERS)


class MembersOut(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="Those that were on it already are not counted.")
    removed = serializers.IntegerField()
    version = serializers.IntegerField()


class ListResource(MembersMixin, Resource):
    """Chosen by hand."""

    serializer_class = ListOut
    filters = COMMON
    sorts = {"name": ["sort_key"], "updated_at": ["updated_at"]}
    default_sort = "name"
    needs = {"create": OWN, "partial_update": OWN, "destroy": OWN, "change_members": OWN}
    paged = frozenset({"list", "members"})

    def rows(self, action: Action = Action.SEE) -> Any:
        return ContactList.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("owner")

    @extend_schema(summary="Lists")
    def list(self, request: Request) -> Response:
        return self.page(self.rows() if "archived" in request.query_params else self.rows().active())

    @extend_schema(summary="One list")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Make a list",
        request=NewListIn,
        responses={201: ListOut},
        examples=[OpenApiExample("Speakers", {"name": "Speakers at the forum"}, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        made = lists.create_list(actor=self.user, **self.read(NewListIn))
        return self.show(made, status=201, location=f"{request.path}/{made.uid}")

    @extend_schema(summary="Rename a list", request=ListIn, responses=ListOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = self.read(ListIn, partial=True)
        with transaction.atomic():
            held = self._locked(uid)
            if "name" in data:
                lists.rename_list(contact_list=held, name=data["name"], actor=self.user)
        return Response(self.again(held))

    @extend_schema(summary="Archive a list", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            lists.archive_list(contact_list=self._locked(uid), actor=self.user)
        return Response(status=204)

    def _locked(self, uid: UUID) -> ContactList:
        found = self.find(uid, Action.SEGMENTS)
        held = ContactList.objects.select_for_update(of=("self",)).select_related("owner").get(pk=found.pk)
        self.require_match(held)
        return held

    @extend_schema(summary="Who is on a list", description="Those whom you may see.", responses=PersonOut(many=True))
    @action(detail=True, methods=["get"])
    def members(self, request: Request, uid: UUID) -> Response:
        found = self.find(uid)
        owner, rows = self._candidates(found)
        ids = found.members.filter(**{f"{owner}__isnull": False}).values(f"{owner}_id")
        return self.members_page(rows.filter(pk__in=ids), found.selects)

    def _candidates(self, found: ContactList) -> tuple[str, Any]:
        model: Any = Person if found.selects == PEOPLE else Organization
        return ("person" if found.selects == PEOPLE else "organization"), model.objects.active().visible_to(self.user)

    @extend_schema(
        summary="Put on a list, take off a list",
        description="By uid, up to 5,000 at once. Who is on it already, or not on it, is left alone; a uid that you may not see is refused.",
        request=MembersIn,
        responses=MembersOut,
    )  # fmt: skip
    @members.mapping.post
    def change_members(self, request: Request, uid: UUID) -> Response:
        data = self.read(MembersIn)
        found = self.find(uid, Action.SEGMENTS)
        _owner, rows = self._candidates(found)
        add, remove = set(data.get("add", ())), set(data.get("remove", ()))
        chosen = rows.filter(uid__in=add)
        if missing := add - set(chosen.values_list("uid", flat=True)):
            sentence = _("%(n)s of them are not here, or not for you. Nobody was added.") % {"n": len(missing)}
            raise Problem(
                422, sentence, code="unknown_members", fields={"add": [str(uid) for uid in sorted(missing)[:20]]}
            )
        with transaction.atomic():
            added = lists.add_to_list(contact_list=found, rows=chosen, actor=self.user)[0] if add else 0
            visible = rows.filter(uid__in=remove).values_list("uid", flat=True) if remove else []
            removed = lists.remove_from_list(contact_list=found, uids=visible, actor=self.user)[0] if remove else 0
        found.refresh_from_db()
        return Response({"added": added, "removed": removed, "version": found.version})


SECTIONS = [
    Section(
        "Segments and lists",
        "Rules that select people or organizations now, and lists chosen by hand. Rules are a tree of JSON whose fields come "
        "from one registry: ask `/segment-fields`.",
        [("segments", SegmentResource), ("segment-fields", FieldResource), ("lists", ListResource)],
        order=40,
    )
]
