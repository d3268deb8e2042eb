"""Permissions of people and organizations, topics, and addresses that must not be written to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.consent import services
from contacts.consent.models import ConsentAction, ConsentEvent, LawfulBasis, SubjectKind, Suppression, Topic
from contacts.consent.queries import ledger_of, permissions_of, suppression_of
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api import filters, paging
from crm.api.fields import Names, RowField, text
from crm.api.registry import Section
from crm.api.views import ApiView, Resource

EDIT, ADMIN = (Action.EDIT_DIRECTORY,), (Action.ADMINISTER,)
UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"


def open_topics(user: User) -> Any:
    return Topic.objects.filter(archived_at__isnull=True)


class TopicOut(serializers.Serializer[Topic]):
    uid = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    names = Names()
    description = serializers.CharField(allow_blank=True)
    is_public = serializers.BooleanField(help_text="Offered on the preference page.")
    position = serializers.IntegerField()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TopicIn(serializers.Serializer[Any]):
    name = text(300)
    names = Names(required=False)
    description = text(2000)
    is_public = serializers.BooleanField(required=False)
    position = serializers.IntegerField(min_value=0, max_value=32767, required=False)


class NewTopicIn(TopicIn):
    code = serializers.RegexField(r"^[a-z0-9-]{1,40}$", help_text="Lower-case letters, digits and -. It never changes.")
    name = text(300, required=True)


class ConsentEventOut(serializers.Serializer[ConsentEvent]):
    """One entry of the ledger, which is never changed."""

    id = serializers.IntegerField()
    subject = serializers.UUIDField(source="subject_uid")
    subject_kind = serializers.ChoiceField(SubjectKind.choices)
    topic = serializers.UUIDField(source="topic.uid")
    topic_code = serializers.CharField(source="topic.code")
    channel = serializers.CharField()
    action = serializers.ChoiceField(ConsentAction.choices)
    lawful_basis = serializers.CharField(allow_blank=True)
    source = serializers.CharField()
    evidence = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class PermissionOut(serializers.Serializer[Any]):
    topic = serializers.UUIDField(source="topic.uid")
    topic_code = serializers.CharField(source="topic.code")
    topic_name = serializers.CharField(source="topic.name")
    is_granted = serializers.BooleanField(help_text="Nothing said means no.")
    since = serializers.DateTimeField(allow_null=True)


class PermissionsOut(serializers.Serializer[Any]):
    data = PermissionOut(many=True)


class NewConsentEventIn(serializers.Serializer[Any]):
    topic = RowField(open_topics)
    action = serializers.ChoiceField(ConsentAction.choices)
    lawful_basis = serializers.ChoiceField(LawfulBasis.choices, required=False, help_text="Needed for `grant`.")
    source = text(120, required=True, help_text="Where it came from, in a few words. The person sees it.")
    evidence = text(5000, help_text="What shows it: a form and its date, a letter, a link.")
    at = serializers.DateTimeField(required=False, help_text="When it was given; now by default.")


class PermissionActions:
    """What people and organizations have of permissions; mixed into their resources."""

    needs: ClassVar[Mapping[str, tuple[Action, ...]]] = {"record_consent": EDIT}

    @extend_schema(
        summary="Their permissions",
        description="Every topic with the last word on it. Only what is granted may be written to.",
        responses=PermissionsOut,
    )
    @action(detail=True, methods=["get"])
    def permissions(self: Any, request: Request, uid: UUID) -> Response:
        self.no_query()
        found = permissions_of(self.find(uid).uid)
        return Response({"data": PermissionOut(found, many=True).data})

    @extend_schema(summary="Their consent ledger", description="Everything ever said, newest first.", responses=ConsentEventOut(many=True))  # fmt: skip
    @action(detail=True, methods=["get"], url_path="consent-events", filter_backends=[])
    def consent_events(self: Any, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"})
        made = paging.page(asked, ledger_of(self.find(uid).uid), ["-at", "-id"])
        return paging.answer(request, made, list(ConsentEventOut(made.rows, many=True).data))

    @extend_schema(
        summary="Record a permission or a withdrawal",
        description="A new entry of the ledger: nothing is overwritten, and an entry with an earlier time than the last word changes nothing.",
        request=NewConsentEventIn,
        responses={201: ConsentEventOut, 200: PermissionsOut},
        examples=[
            OpenApiExample(
                "A sign-up sheet",
                {"topic": UID, "action": "grant", "lawful_basis": "consent", "source": "Sign-up sheet, Dakar forum", "evidence": "Sheet 4, line 12"},
                request_only=True,
            )
        ],
    )  # fmt: skip
    @consent_events.mapping.post
    def record_consent(self: Any, request: Request, uid: UUID) -> Response:
        data = dict(self.read(NewConsentEventIn))
        subject, kind = self.find(uid, Action.EDIT_DIRECTORY), data.pop("action")
        if kind == ConsentAction.GRANT:
            data.setdefault("lawful_basis", "")
            event = services.grant_consent(subject=subject, actor=self.user, **data)
        else:
            data.pop("lawful_basis", None)
            made = services.withdraw_consent(subject=subject, actor=self.user, **data)
            if made is None:  # that was the last word already
                return Response({"data": PermissionOut(permissions_of(subject.uid), many=True).data})
            event = made
        return Response(ConsentEventOut(event).data, status=201)


class TopicResource(Resource):
    """What somebody subscribes to."""

    serializer_class = TopicOut
    needs = {"create": ADMIN, "partial_update": ADMIN, "archive": ADMIN, "restore": ADMIN}
    sorts = {"position": ["position", "sort_key"], "name": ["sort_key"]}
    default_sort = "position"
    filters = [
        filters.flag("archived", "true: only archived ones; false: only those in use.", lambda rows, value, user: rows.filter(archived_at__isnull=not value))
    ]  # fmt: skip

    def rows(self, action: Action = Action.SEE) -> Any:
        return Topic.objects.all() if self.user.may(action) else Topic.objects.none()

    @extend_schema(summary="Topics")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One topic")
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Add a topic",
        description="Nobody is subscribed to it by that.",
        request=NewTopicIn,
        responses={201: TopicOut},
        examples=[OpenApiExample("News", {"code": "social-security-news", "name": "Social security news", "names": {"fr": "Actualités"}}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        topic = services.create_topic(actor=self.user, **self.read(NewTopicIn))
        return self.show(topic, status=201, location=f"{request.path}/{topic.uid}")

    @extend_schema(summary="Change a topic", request=TopicIn, responses=TopicOut)
    def partial_update(self, request: Request, uid: UUID) -> Response:
        from django.db import transaction

        data = dict(self.read(TopicIn, partial=True))
        with transaction.atomic():
            held = Topic.objects.select_for_update().get(pk=self.find(uid, Action.ADMINISTER).pk)
            self.require_match(held)
            topic = services.edit_topic(topic=held, actor=self.user, **data)
        return self.show(topic)

    @extend_schema(summary="Archive a topic", description="No new permission, no new mailing; what was said is kept.", request=None, responses=TopicOut)  # fmt: skip
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, uid: UUID) -> Response:
        return self.show(services.archive_topic(topic=self.find(uid, Action.ADMINISTER), actor=self.user))

    @extend_schema(summary="Put a topic back into use", request=None, responses=TopicOut)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, uid: UUID) -> Response:
        return self.show(services.restore_topic(topic=self.find(uid, Action.ADMINISTER), actor=self.user))


class AddressIn(serializers.Serializer[Any]):
    address = serializers.CharField(max_length=320)


class NewSuppressionIn(AddressIn):
    reason = serializers.ChoiceField(
        [("manual", _("asked us to stop")), ("unsubscribed", _("unsubscribed from everything")), ("complaint", _("complained")), ("invalid", _("does not exist"))],
        required=False,
    )  # fmt: skip
    source = text(120, required=True, help_text="Where it came from.")


class SuppressionOut(serializers.Serializer[Any]):
    """Of the address only a keyed hash is kept, so it is not repeated here."""

    is_suppressed = serializers.BooleanField()
    reason = serializers.ChoiceField(Suppression.Reason.choices, allow_null=True)
    source = serializers.CharField(allow_null=True, allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)


def _told(row: Suppression | None) -> dict[str, Any]:
    return {
        "is_suppressed": row is not None,
        "reason": row.reason if row else None,
        "source": row.source if row else None,
        "at": row.at if row else None,
    }


class SuppressionResource(ApiView):
    """Addresses that are never written to again. No import and no token lifts one."""

    needs = {"create": ADMIN, "check": ADMIN}
    reads = frozenset({"check"})

    @extend_schema(
        summary="Never write to an address again",
        description="Doing it twice changes nothing; the first reason stays. What waits to be sent there is cancelled at once.",
        request=NewSuppressionIn,
        responses={201: SuppressionOut},
        examples=[OpenApiExample("Somebody called", {"address": "amina@ministry.example", "reason": "manual", "source": "call of 3 November"}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        data = dict(self.read(NewSuppressionIn))
        data.setdefault("reason", Suppression.Reason.MANUAL)
        row = services.suppress_address(actor=self.user, **data)
        return Response(SuppressionOut(_told(row)).data, status=201)

    @extend_schema(
        summary="Is this address suppressed?",
        description="A POST, so that no address stands in a URL or in a log.",
        request=AddressIn,
        responses=SuppressionOut,
    )
    @action(detail=False, methods=["post"])
    def check(self, request: Request) -> Response:
        row = suppression_of(self.read(AddressIn)["address"])
        return Response(SuppressionOut(_told(row)).data)


SECTIONS = [
    Section(
        "Permission",
        "What people subscribe to, who may be written to, and which addresses never again. The ledger of each person and "
        "organization stands below them: `/people/{uid}/permissions`, `/people/{uid}/consent-events`.",
        [("topics", TopicResource), ("suppressions", SuppressionResource)],
        order=30,
    )
]
