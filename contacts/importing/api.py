"""/imports: upload a file, say what its columns mean, look at the dry run, apply it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.consent.api import open_topics
from contacts.consent.models import LawfulBasis
from contacts.directory.models import Constituency, Country
from contacts.importing import services
from contacts.importing.lists import lines_of, rejected_file
from contacts.importing.mappings_api import ImportMappingResource
from contacts.importing.models import ImportKept, ImportRow, ImportRun
from contacts.importing.reading import DELIMITERS, ENCODINGS
from contacts.importing.targets import TARGETS
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters, paging
from crm.api.fields import CodeField, RowField, language, text
from crm.api.filters import narrow
from crm.api.parsers import StrictJSONParser
from crm.api.platform import JobOut
from crm.api.registry import Section
from crm.api.views import Resource
from crm.audit.services import record
from crm.errors import Invalid

BULK = (Action.BULK,)


def _countries(user: User) -> Any:
    codes = user.scope(Action.BULK).countries
    return Country.objects.all() if codes is None else Country.objects.filter(code__in=codes)


class ImportOut(serializers.Serializer[ImportRun]):
    uid = serializers.UUIDField()
    file_name = serializers.CharField()
    size = serializers.IntegerField(source="size_bytes")
    state = serializers.ChoiceField(ImportRun.State.choices)
    encoding = serializers.CharField(allow_blank=True)
    delimiter = serializers.CharField(allow_blank=True, trim_whitespace=False)
    has_header = serializers.BooleanField()
    first_line = serializers.IntegerField(
        source="format.begins", help_text="Of the file, where the header stands, or the first row."
    )
    sheet = serializers.CharField(source="options.sheet", default="", help_text="Of a workbook: the one that is read.")
    sheets = serializers.ListField(
        child=serializers.CharField(),
        source="options.sheets",
        default=list,
        help_text="Those that can be chosen; none after the dry run.",
    )
    columns = serializers.ListField(child=serializers.CharField(allow_blank=True))
    mapping = serializers.DictField(help_text="Number of a column, from 0 → what it means.")
    remembered = serializers.UUIDField(
        source="options.remembered",
        allow_null=True,
        default=None,
        help_text="The mapping of last time by which this one was proposed.",
    )
    counts = serializers.DictField(help_text="After the dry run: created, updated, unchanged, rejected…")
    error = serializers.CharField(allow_blank=True)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True, default=None)
    job = serializers.UUIDField(source="job.uid", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    applied_at = serializers.DateTimeField(allow_null=True)
    undone_at = serializers.DateTimeField(allow_null=True)


class UploadIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV, in any encoding and with any separator; or a workbook (XLSX, ODS).")


READ = {"sheet", "has_header", "encoding", "delimiter"}


class ReadingIn(serializers.Serializer[Any]):
    """How the file is read. Its columns are proposed anew then, so what they mean is said in a second request."""

    sheet = serializers.CharField(required=False, max_length=255, help_text="Of a workbook: one of `sheets`.")
    has_header = serializers.BooleanField(required=False, help_text="Whether the first row names the columns.")
    encoding = serializers.ChoiceField([*ENCODINGS], required=False)
    delimiter = serializers.ChoiceField([*DELIMITERS], required=False)


class MappingIn(ReadingIn):
    """What each column means, and what holds for rows that do not say it themselves; or how the file is read."""

    mapping = serializers.DictField(
        required=False,
        child=serializers.ChoiceField([(target.name, target.name) for target in TARGETS], allow_blank=True),
        help_text="Number of a column, from 0 → its meaning; empty: left out.",
    )
    country = CodeField(_countries, required=False)
    constituency = CodeField(lambda user: Constituency.objects.of_institutions(), required=False)
    language = language()
    overwrite = serializers.BooleanField(
        required=False, help_text="Replace what is there, instead of filling what is empty."
    )
    remember = serializers.BooleanField(
        required=False, help_text="Propose this for the next file with the same header."
    )
    is_shared = serializers.BooleanField(required=False, help_text="With `remember`: propose it to all who import.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if READ & set(data):
            if both := sorted(set(data) - READ):
                sentence = _(
                    "Say first how the file is read. Its columns are proposed anew then; what they mean comes second."
                )
                raise serializers.ValidationError({name: sentence for name in both})
        elif "mapping" not in data:
            raise serializers.ValidationError({"mapping": _("Say what the columns mean, or how the file is read.")})
        if data.get("is_shared") and not data.get("remember"):
            raise serializers.ValidationError({"is_shared": _("Only what is remembered can be shared.")})
        return data

    def validate_mapping(self, value: dict[str, str]) -> dict[str, str]:
        if any(not (str(number).isascii() and str(number).isdigit() and len(str(number)) < 5) for number in value):
            raise serializers.ValidationError(_("Columns are given by their number, from 0."))
        return value


class ApplyIn(serializers.Serializer[Any]):
    """A first permission for those who were never asked about the topic; or nothing."""

    topic = RowField(open_topics, required=False)
    lawful_basis = serializers.ChoiceField(LawfulBasis.choices, required=False)
    source = text(120)
    evidence = text(5000)


class ImportRowOut(serializers.Serializer[ImportRow]):
    line = serializers.IntegerField()
    outcome = serializers.ChoiceField(ImportRow.Outcome.choices, allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    values = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField())
    def get_values(self, row: ImportRow) -> dict[str, Any]:
        line = self.context["lines"].get((row.run_id, row.line))
        return line.values if line else {}


class KeptOut(serializers.Serializer[ImportKept]):
    kind = serializers.ChoiceField(["person", "organization", "post"], source="object_type")
    object = serializers.UUIDField(source="object_uid")
    name = serializers.CharField()
    field = serializers.CharField(allow_blank=True, help_text="Which part of it was kept; empty: all of it.")
    reason = serializers.ChoiceField(ImportKept.Reason.choices)


def read_again(run: ImportRun, asked: dict[str, Any]) -> ImportRun:
    """Read the file as asked, and propose its columns anew. Raises BadFile, or Invalid for what a workbook does not have."""
    is_workbook = "sheet" in asked or run.options.get("sheet")
    if is_workbook and (wrong := sorted({"encoding", "delimiter"} & set(asked))):
        sentence = _("A workbook has sheets; encodings and separators are of text files.")
        raise Invalid(sentence, code="bad_file", errors=[(name, sentence) for name in wrong])
    if asked.get("sheet", run.options.get("sheet")) != run.options.get("sheet"):
        run = services.choose_sheet(run=run, sheet=asked["sheet"])
        if "has_header" not in asked:
            return run
    how = {name: asked[name] for name in ("has_header", "encoding", "delimiter") if name in asked}
    return services.reread(run=run, how=replace(run.format, **how))


OUTCOME = filters.choice("outcome", "One or several outcomes.", ImportRow.Outcome.values, lambda rows, values, user: rows.filter(outcome__in=values))  # fmt: skip


class ImportResource(Resource):
    """A file of people and institutions on its way into the directory. Nothing changes before it is applied."""

    serializer_class = ImportOut
    parser_classes = [StrictJSONParser, MultiPartParser]
    needs = {
        name: BULK
        for name in (
            "list", "retrieve", "create", "partial_update", "destroy", "check", "apply", "undo", "rows_of", "kept", "rejected",
        )
    }  # fmt: skip
    sorts = {"created_at": ["created_at"]}
    default_sort = "-created_at"
    filters = [filters.choice("state", "Its state.", ImportRun.State.values, lambda rows, values, user: rows.filter(state__in=values))]  # fmt: skip
    filters_below = {"rows_of": [OUTCOME]}
    paged = frozenset({"list", "rows_of", "kept"})

    def rows(self, action: Action = Action.BULK) -> Any:
        return ImportRun.objects.visible_to(self.user, Action.BULK)

    def full(self, rows: Any) -> Any:
        return rows.select_related("owner", "job")

    def _settled(self, uid: UUID) -> ImportRun:
        return services.settle(self.find(uid))

    @extend_schema(summary="Imports")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One import")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self._settled(uid))

    @extend_schema(
        summary="Upload a file",
        description="It is read once from end to end; `columns` and a proposed `mapping` come back.",
        request={"multipart/form-data": UploadIn},
        responses={201: ImportOut},
    )
    def create(self, request: Request) -> Response:
        made = self.read(UploadIn)
        run = services.upload_import(file=made["file"], actor=self.user)
        return self.show(run, status=201, location=f"{request.path}/{run.uid}")

    @extend_schema(
        summary="Say how it is read, and what the columns mean",
        description="Either the one or the other: reading it in another way (`sheet`, `has_header`, `encoding`, `delimiter`) proposes its columns "
        "anew, as upload does. With `remember` the mapping is proposed for the next file with the same header; see `/import-mappings`.",
        request=MappingIn,
        responses=ImportOut,
        examples=[OpenApiExample("Three columns", {"mapping": {"0": "name", "1": "email", "2": "organization"}, "country": "SN"}, request_only=True)],
    )  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(MappingIn))
        run = self._settled(uid)
        self.require_match(run)
        if READ & set(data):
            return self.show(read_again(run, data))
        if data.get("remember") and not run.has_header:
            sentence = _("Without a header there is nothing by which to know the next file. Nothing was changed.")
            raise Invalid(sentence, code="no_header", errors=[("remember", sentence)])
        mapping = {int(number): target for number, target in data["mapping"].items() if int(number) < len(run.columns)}
        country, constituency = data.get("country"), data.get("constituency")
        options = {
            "country": country.code if country else "",
            "constituency": constituency.pk if constituency else None,
            "language": data.get("language", ""),
            "overwrite": data.get("overwrite", False),
        }
        actor = self.user if data.get("remember") else None
        saved = services.save_mapping(
            run=run, mapping=mapping, options=options, actor=actor, is_shared=data.get("is_shared", False)
        )
        return self.show(saved)

    @extend_schema(
        summary="Dry run",
        description="Begins a job that says of each row what it would do. Ask `/jobs/{uid}` until it is done. Asking twice gives the same job.",
        request=None,
        responses={202: JobOut},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def check(self, request: Request, uid: UUID) -> Response:
        job = services.start_check(run=self._settled(uid), actor=self.user)
        return Response(JobOut(job).data, status=202)

    @extend_schema(
        summary="Apply",
        description="Writes what the dry run showed, all or nothing, as a job. With topic, basis, source and evidence it also records a first permission.",
        request=ApplyIn,
        responses={202: JobOut},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(ApplyIn))
        if data and not data.get("topic"):
            raise Invalid(_("A permission needs a topic."), code="permission_incomplete", errors=[("topic", _("Which topic?"))])  # fmt: skip
        job = services.start_apply(run=self._settled(uid), actor=self.user, first_permission=data or None)
        return Response(JobOut(job).data, status=202)

    @extend_schema(summary="Its rows", description="Each with its outcome: `created`, `updated`, `unchanged`, `rejected` and why.", responses=ImportRowOut(many=True))  # fmt: skip
    @action(detail=True, methods=["get"], url_path="rows")
    def rows_of(self, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"}, OUTCOME.name)
        rows = narrow(ImportRow.objects.filter(run=self.find(uid)), [OUTCOME], asked.filters, self.user)
        made = paging.page(asked, rows, ["line"])
        return paging.answer(
            request, made, list(ImportRowOut(made.rows, many=True, context={"lines": lines_of(made.rows)}).data)
        )

    @extend_schema(
        summary="Its rejected rows, as a file",
        description="CSV with the line, the reason and the cells as they stood: to mend and to upload again. It is noted in the history.",
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"])
    def rejected(self, request: Request, uid: UUID) -> HttpResponseBase:
        self.no_query()
        run = self.find(uid)
        record(verb="import.exported", target=run, actor=self.user, summary=run.file_name)
        return rejected_file(run, "csv")

    @extend_schema(
        summary="Undo",
        description="Takes back what it made and filled, as a job. What somebody built on since stays, and `/imports/{uid}/kept` lists it. "
        "Asking twice gives the same job.",
        request=None,
        responses={202: JobOut},
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, uid: UUID) -> Response:
        job = services.start_undo(run=self._settled(uid), actor=self.user)
        return Response(JobOut(job).data, status=202)

    @extend_schema(summary="What an undo kept", description="And why; empty before it.", responses=KeptOut(many=True))
    @action(detail=True, methods=["get"])
    def kept(self, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"})
        made = paging.page(asked, ImportKept.objects.filter(run=self.find(uid)), ["pk"])
        return paging.answer(request, made, list(KeptOut(made.rows, many=True).data))

    @extend_schema(
        summary="Remove the file and its rows", description="What was imported stays.", responses={204: None}
    )
    def destroy(self, request: Request, uid: UUID) -> Response:
        run = self._settled(uid)
        self.require_match(run)
        services.discard_import(run=run, actor=self.user)
        return Response(status=204)


SECTIONS = [
    Section(
        "Imports",
        "A file becomes people and institutions in four steps: upload, say what the columns mean, look at the dry run, apply. "
        "For a stream of changes from another system, `POST /people/upsert` is simpler.",
        [("imports", ImportResource), ("import-mappings", ImportMappingResource)],
        order=50,
    )
]
