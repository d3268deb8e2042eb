"""/senders and /transports: what a mailing can be given. They are set up on the screens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from crm.accounts.rules import Action
from crm.api.views import Resource


class SenderOut(serializers.Serializer[Sender]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()
    reply_to = serializers.CharField(allow_blank=True)
    reference_pattern = serializers.CharField(
        allow_blank=True,
        help_text="How letters of its mailings are numbered, unless a mailing has a pattern of its own.",
    )


class TransportOut(serializers.Serializer[Transport]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Transport.Kind.choices)
    max_connections = serializers.IntegerField(help_text="at once, of each task that sends")
    messages_per_connection = serializers.IntegerField(
        allow_null=True, help_text="then another connection is made; null: no limit"
    )
    per_second = serializers.IntegerField(allow_null=True, help_text="messages of all its mailings; null: no limit")
    is_default = serializers.BooleanField()
    takes_own_mail = serializers.BooleanField(help_text="the installation's own mail leaves by it")


class SenderResource(Resource):
    """Whom a mailing comes from."""

    serializer_class = SenderOut
    sorts = {"name": ["name"]}
    default_sort = "name"

    def rows(self, action: Action = Action.SEE) -> Any:
        return senders_in_use()

    @extend_schema(summary="Senders in use")
    def list(self, request: Request) -> Response:
        return self.page()


class TransportResource(Resource):
    """A road out. Its address, with the password, is never shown."""

    serializer_class = TransportOut
    sorts = {"name": ["name"]}
    default_sort = "name"

    def rows(self, action: Action = Action.SEE) -> Any:
        return transports_in_use()

    @extend_schema(summary="Transports in use")
    def list(self, request: Request) -> Response:
        return self.page()
