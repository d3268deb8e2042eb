"""/letters: the register of official correspondence, read, added to, corrected, answered, struck out; /letter-documents: the scans that are kept with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.correspondence import services
from campaigns.correspondence.models import Letter, LetterDocument
from campaigns.files.serving import KeptFileOut, KeptFileResource
from campaigns.todo.forms import officers
from contacts.directory.models import Organization, Person
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.parsers import StrictJSONParser
from crm.api.registry import Section
from crm.api.views import Resource
from crm.errors import Invalid


class LetterOut(serializers.Serializer[Letter]):
    uid = serializers.UUIDField()
    reference = serializers.CharField()
    way = serializers.ChoiceField(Letter.Way.choices)
    on = serializers.DateField(help_text="The date that it bears.")
    organization = serializers.UUIDField(source="organization.uid")
    person = serializers.UUIDField(source="person.uid", allow_null=True, default=None)
    ours = serializers.CharField(allow_blank=True)
    copies = serializers.CharField(allow_blank=True)
    subject = serializers.CharField()
    their_reference = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    answer_due_on = serializers.DateField(allow_null=True)
    responsible = serializers.UUIDField(
        source="responsible.uid", allow_null=True, default=None, help_text="Who sees to it."
    )
    answered_by = serializers.UUIDField(source="answered_by.uid", allow_null=True, default=None)
    documents = KeptFileOut(many=True, help_text="Kept with the letter; see /letter-documents.")
    struck_at = serializers.DateTimeField(allow_null=True, help_text="Registered by mistake.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class LetterChange(serializers.Serializer[Any]):
    on = serializers.DateField(required=False, help_text="Within the year of its number.")
    subject = serializers.CharField(required=False, max_length=300)
    person = serializers.UUIDField(required=False, allow_null=True)
    ours = serializers.CharField(required=False, allow_blank=True, max_length=200)
    copies = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    their_reference = serializers.CharField(required=False, allow_blank=True, max_length=80)
    note = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    answer_due_on = serializers.DateField(required=False, allow_null=True)
    responsible = RowField(lambda user: officers(Action.LOG), required=False, allow_null=True)


class LetterIn(LetterChange):
    way = serializers.ChoiceField(Letter.Way.choices)
    organization = serializers.UUIDField()
    on = serializers.DateField()
    subject = serializers.CharField(max_length=300)
    answers = serializers.UUIDField(required=False, allow_null=True, help_text="The letter that this one answers.")
    override_reason = serializers.CharField(
        required=False, allow_blank=True, max_length=300, help_text="Why it went out although a contact guard stood against it (409 guarded)."
    )  # fmt: skip


class LetterAnswerIn(serializers.Serializer[Any]):
    answer = RowField(lambda user: Letter.objects.visible_to(user).standing(), allow_null=True, help_text="null: it waits again.")  # fmt: skip


class LetterResource(Resource):
    """An official letter, in or out, with its number."""

    serializer_class = LetterOut
    sorts = {"on": ["on"], "created_at": ["created_at"]}
    default_sort = "on"
    needs = {name: (Action.LOG,) for name in ("create", "partial_update", "answer", "strike")}
    filters = [
        filters.uid("organization", "With this organization.", lambda rows, uid, user: rows.filter(organization__uid=uid)),
        filters.flag("open", "true: an answer is waited for.", lambda rows, is_open, user: rows.open() if is_open else rows.exclude(pk__in=rows.open().values("pk"))),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Letter.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        documents = Prefetch("documents", LetterDocument.objects.select_related("file").order_by("pk"))
        return rows.select_related(
            "organization", "person", "answered_by", "responsible", "interaction"
        ).prefetch_related(documents)

    @extend_schema(summary="Letters of the register, the earliest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One letter")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="Register a letter", request=LetterIn, responses={201: LetterOut})
    def create(self, request: Request) -> Response:
        letter = services.register_letter(actor=self.user, **self._rows(dict(self.read(LetterIn))))
        return self.created(letter)

    @extend_schema(summary="Correct a letter", description="Its number stays; the log says the same.", request=LetterChange, responses=LetterOut)  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        changes = self._rows(dict(self.read(LetterChange, partial=True)))
        with self.unchanged(uid, Action.LOG) as letter:
            services.edit_letter(letter=letter, actor=self.user, changes=changes)
        return Response(self.again(letter))

    @extend_schema(summary="Say which letter answered it", description="Of the same organization, the other way.", request=LetterAnswerIn, responses=LetterOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, uid: UUID) -> Response:
        letter, answer = self.find(uid, Action.LOG), self.read(LetterAnswerIn)["answer"]
        if answer is None:
            services.unlink_answer(letter=letter, actor=self.user)
        else:
            services.link_answer(letter=letter, answer=answer, actor=self.user)
        return Response(self.again(letter))

    @extend_schema(summary="Strike a letter out", description="Registered by mistake: it keeps its number and counts nowhere.", request=None, responses=LetterOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def strike(self, request: Request, uid: UUID) -> Response:
        letter = self.find(uid, Action.LOG)
        services.strike_letter(letter=letter, actor=self.user)
        return Response(self.again(letter))

    def _rows(self, data: dict[str, Any]) -> dict[str, Any]:
        """Rows for uids; one out of reach is as if it were not there."""
        reach: dict[str, Any] = {
            "organization": Organization.objects.visible_to(self.user, Action.LOG),
            "person": Person.objects.visible_to(self.user, Action.LOG),
            "answers": Letter.objects.visible_to(self.user, Action.LOG),
        }
        for name, rows in reach.items():
            if data.get(name):
                row = rows.filter(uid=data[name]).first()
                if row is None:
                    raise Invalid(_("There is no such row, or not for this token."), errors=[(name, _("Not found."))])
                data[name] = row
        return data


class DocumentOut(KeptFileOut):
    letter = serializers.UUIDField(source="letter.uid")
    added_at = serializers.DateTimeField()


class DocumentIn(serializers.Serializer[Any]):
    letter = RowField(lambda user: Letter.objects.visible_to(user, Action.LOG))
    file = serializers.FileField(help_text="PDF, Office document, picture or text; its content says what it is.")


class DocumentResource(KeptFileResource):
    """A scan or a file that is kept with a letter of the register."""

    serializer_class = DocumentOut
    parser_classes = [StrictJSONParser, MultiPartParser]
    sorts = {"added_at": ["added_at"]}
    default_sort = "added_at"
    needs = {"create": (Action.LOG,), "destroy": (Action.LOG,)}
    filters = [filters.uid("letter", "Of this letter.", lambda rows, uid, user: rows.filter(letter__uid=uid))]

    def rows(self, action: Action = Action.SEE) -> Any:
        return LetterDocument.objects.visible_to(self.user, action)

    def full(self, rows: Any) -> Any:
        return rows.select_related("file", "letter")

    @extend_schema(summary="Documents of letters, the earliest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One document")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Keep a document with a letter",
        description="The same file under the same name, sent twice, is kept once.",
        request={"multipart/form-data": DocumentIn},
        responses={201: DocumentOut},
    )
    def create(self, request: Request) -> Response:
        data = self.read(DocumentIn)
        document = services.add_document(letter=data["letter"], actor=self.user, upload=data["file"])
        return self.created(document)

    @extend_schema(summary="Remove a document", responses={204: None})
    def destroy(self, request: Request, uid: UUID) -> Response:
        with self.unchanged(uid, Action.LOG) as document:
            services.remove_document(document=document, actor=self.user)
        return Response(status=204)


SECTIONS = [
    Section(
        "Letters",
        "The register of official correspondence, and the documents that are kept with it.",
        [("letters", LetterResource), ("letter-documents", DocumentResource)],
        order=64,
    )
]
