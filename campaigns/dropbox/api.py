"""/dropped-mail: what waits for one click, and what was filed. One's own alone, as on the screen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.dropbox import services
from campaigns.dropbox.addresses import address_of
from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail
from campaigns.files.serving import KeptFileOut, KeptFileResource
from contacts.directory.models import Organization, Person
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.fields import RowField
from crm.api.registry import Section
from crm.api.views import Resource


class DroppedOut(serializers.Serializer[DroppedMail]):
    uid = serializers.UUIDField()
    state = serializers.ChoiceField(DroppedMail.State.choices)
    why = serializers.CharField(allow_blank=True, help_text="Why it waits.")
    thread = serializers.UUIDField()
    addresses = serializers.SerializerMethodField(help_text="Of those that it went to, or came from.")
    is_from_them = serializers.BooleanField()
    subject = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True, help_text="While it waits; filed, its words are the interaction’s.")
    at = serializers.DateTimeField()
    interaction = serializers.UUIDField(source="interaction.uid", allow_null=True, default=None)
    settled_at = serializers.DateTimeField(allow_null=True)
    files = KeptFileOut(many=True, help_text="Attachments that were kept.")
    left_out = serializers.CharField(allow_blank=True, help_text="Which attachments were not kept, and why.")

    def get_addresses(self, row: DroppedMail) -> list[str]:
        return [str(pair[0]) for pair in row.addresses if pair]


class FileIn(serializers.Serializer[Any]):
    people = serializers.ListField(
        child=RowField(lambda user: Person.objects.active().visible_to(user)), required=False, max_length=60
    )
    organizations = serializers.ListField(
        child=RowField(lambda user: Organization.objects.active().visible_to(user)), required=False, max_length=60
    )


class AddressOut(serializers.Serializer[Any]):
    address = serializers.CharField(help_text="Secret: whoever knows it can write to it.")


class DroppedResource(Resource):
    """A message that came to one's dropbox address."""

    serializer_class = DroppedOut
    needs = {name: (Action.LOG,) for name in ("list", "retrieve", "file", "dismiss", "address")}
    sorts = {"at": ["at"]}
    default_sort = "at"
    filters = [
        filters.choice("state", "Its state.", DroppedMail.State.values, lambda rows, values, user: rows.filter(state__in=values)),
        filters.uid("thread", "Of this thread.", lambda rows, uid, user: rows.filter(thread=uid)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return DroppedMail.objects.visible_to(self.user)

    def full(self, rows: Any) -> Any:
        return rows.select_related("interaction").prefetch_related("files__file")

    @extend_schema(summary="Dropped mail")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One dropped message")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(summary="File it", description="Logs it with these.", request=FileIn, responses=DroppedOut)
    @action(detail=True, methods=["post"])
    def file(self, request: Request, uid: UUID) -> Response:
        mail = self.find(uid)
        services.file_mail(mail=mail, actor=self.user, **self.read(FileIn))
        return Response(self.again(mail))

    @extend_schema(summary="Dismiss it", description="It is not to be logged.", request=None, responses=DroppedOut)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, uid: UUID) -> Response:
        mail = self.find(uid)
        services.dismiss_mail(mail=mail, actor=self.user)
        return Response(self.again(mail))

    @extend_schema(
        summary="One’s dropbox address", description="Made, if there is none yet.", request=None, responses=AddressOut
    )
    @action(detail=False, methods=["post"])
    def address(self, request: Request) -> Response:
        box: Dropbox = services.make_dropbox(actor=self.user)
        return Response({"address": address_of(box)})


class InteractionFileOut(KeptFileOut):
    interaction = serializers.UUIDField(source="mail.interaction.uid", allow_null=True, default=None)
    at = serializers.DateTimeField(source="mail.at", help_text="When the message was sent that carried it.")


class InteractionFileResource(KeptFileResource):
    """A file that came with a logged message; while a message waits to be filed, its files are its officer’s alone."""

    serializer_class = InteractionFileOut
    filters = [
        filters.uid("interaction", "Of this interaction.", lambda rows, uid, user: rows.filter(mail__interaction__uid=uid)),
        filters.uid("mail", "Of this dropped message.", lambda rows, uid, user: rows.filter(mail__uid=uid)),
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return DroppedFile.objects.visible_to(self.user)

    def full(self, rows: Any) -> Any:
        return rows.select_related("file", "mail__interaction")

    @extend_schema(summary="Attachments of logged interactions")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One attachment")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))


SECTIONS = [
    Section(
        "Dropbox",
        "Mail from an officer’s own program, matched and filed; the files that came with it.",
        [("dropped-mail", DroppedResource), ("interaction-files", InteractionFileResource)],
        order=65,
    )
]
