"""/mailings: write, check, approve, send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.mailings import editing, services
from campaigns.mailings.api.attachments import AttachmentActions
from campaigns.mailings.api.serializers import (
    ApproveIn,
    DuplicateIn,
    MailingDetail,
    MailingIn,
    NewMailingIn,
    PauseIn,
    PreflightOut,
    RejectIn,
    ReportOut,
    SentTest,
    TestIn,
    VariantIn,
)
from campaigns.mailings.models import Mailing
from campaigns.mailings.queries import transports_in_use
from campaigns.mailings.states import State
from campaigns.mailings.testing import send_test
from crm.accounts.rules import Action
from crm.api import filters
from crm.api.problems import Problem
from crm.errors import Invalid
from crm.languages import CODES

WRITE, SEND, APPROVE = (Action.WRITE,), (Action.SEND,), (Action.APPROVE,)
UID = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"
BODY = "<p>Dear {{ person.name | default('colleague') }},</p><p>Half the world has no social protection.</p>"


class MailingResource(AttachmentActions):
    """One message to many, in several languages."""

    sorts = {"created_at": ["created_at"], "updated_at": ["updated_at"], "name": ["sort_key"]}
    default_sort = "-created_at"
    filters = [
        filters.text("q", "Words of the name.", lambda rows, text, user: rows.search(text), example="news"),
        filters.choice("state", "One or several states.", State.values, lambda rows, values, user: rows.filter(state__in=values)),
        filters.uid("drive", "Of this drive.", lambda rows, uid, user: rows.filter(drive__uid=uid)),
        filters.uid("topic", "On this topic.", lambda rows, uid, user: rows.filter(topic__uid=uid)),
        filters.moment("updated_since", "Changed at or after this time.", lambda rows, at, user: rows.filter(updated_at__gte=at)),
    ]  # fmt: skip
    paged = frozenset({"list", "attachments"})
    matched = frozenset({"attach"})
    needs = {
        "create": WRITE, "partial_update": WRITE, "write_variant": WRITE, "remove_variant": WRITE, "ask_review": WRITE,
        "withdraw_review": WRITE, "attach": WRITE, "detach": WRITE, "duplicate": WRITE, "test": WRITE, "approve": APPROVE, "reject": APPROVE,
        "release": APPROVE, "schedule": SEND, "send": SEND, "resume": (Action.SEND, Action.APPROVE), "unschedule": (Action.SEND, Action.PAUSE),
        "stop": (Action.SEND, Action.PAUSE), "pause": (Action.PAUSE,), "cancel": (Action.SEND, Action.WRITE),
    }  # fmt: skip

    # --- reading and writing
    @extend_schema(summary="Mailings, newest first")
    def list(self, request: Request) -> Response:
        return self.page()

    @extend_schema(summary="One mailing", description="With all its languages.", responses=MailingDetail)
    def retrieve(self, request: Request, uid: UUID) -> Response:
        self.no_query()
        return self.show(self.find(uid))

    @extend_schema(
        summary="Begin a mailing",
        description="A draft with one empty language, within your own countries. Without a transport it gets the default one.",
        request=NewMailingIn,
        responses={201: MailingDetail},
        examples=[OpenApiExample("A newsletter", {"name": "News, December", "drive": UID, "segment": UID, "sender": UID, "topic": UID, "language": "fr"}, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        data = dict(self.read(NewMailingIn))
        data.setdefault("transport", transports_in_use().first())
        data.setdefault("send_zone", self.user.time_zone)
        if set(data.get("fallback_languages", ())) - {data.get("language", "en")}:
            raise Invalid(_("It is not written in these languages yet."), errors=[("fallback_languages", _("Write them first."))])  # fmt: skip
        mailing = editing.create_mailing(actor=self.user, **data)
        return self.created(mailing)

    @extend_schema(
        summary="Change its settings",
        description="An approval does not survive a change (but of the name): the mailing is a draft again.",
        request=MailingIn,
        responses=MailingDetail,
        examples=[OpenApiExample("A time", {"send_local": "2026-12-01T09:00", "send_zone": "Africa/Dakar"}, request_only=True)],
    )  # fmt: skip
    def partial_update(self, request: Request, uid: UUID) -> Response:
        data = dict(self.read(MailingIn, partial=True))
        with transaction.atomic(), self._told():
            row = self._locked(uid, Action.WRITE)
            unwritten = set(data.get("fallback_languages", ())) - {v.language for v in row.variants.all()}
            if unwritten:
                sentence = _("It is not written in %(codes)s.") % {"codes": ", ".join(sorted(unwritten))}
                raise Invalid(sentence, errors=[("fallback_languages", sentence)])
            editing.save_settings(mailing=row, actor=self.user, version=row.content_version, values=data)
        return Response(self.again(row))

    @extend_schema(
        summary="Write one language",
        description="Adds the language if the mailing does not have it. A template that would be refused is not saved; `fields` says why.",
        request=VariantIn,
        responses=MailingDetail,
        examples=[OpenApiExample("French", {"subject": "La couverture en {{ country.name | default('votre pays') }}", "body_html": BODY}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["put"], url_path="variants/<str:language>")
    def write_variant(self, request: Request, uid: UUID, language: str) -> Response:
        data = dict(self.read(VariantIn, partial=True))
        self._known(language)
        with transaction.atomic(), self._told():
            row = self._locked(uid, Action.WRITE)
            if not any(variant.language == language for variant in row.variants.all()):
                row = editing.add_variant(mailing=row, actor=self.user, version=row.content_version, language=language)
            editing.save_variant(
                mailing=row, actor=self.user, version=row.content_version, language=language, values=data
            )
        return Response(self.again(row))

    @extend_schema(summary="Remove one language", description="Not the last one.", responses={200: MailingDetail})
    @write_variant.mapping.delete
    def remove_variant(self, request: Request, uid: UUID, language: str) -> Response:
        self._known(language)
        with transaction.atomic(), self._told():
            row = self._locked(uid, Action.WRITE)
            if not any(variant.language == language for variant in row.variants.all()):
                raise Problem(404, _("It is not written in this language."))
            editing.remove_variant(mailing=row, actor=self.user, version=row.content_version, language=language)
        return Response(self.again(row))

    def _known(self, language: str) -> None:
        if language not in CODES:
            raise Problem(404, _("Nobody writes in “%(code)s” here. Known: %(known)s.") % {"code": language[:12], "known": ", ".join(CODES)})  # fmt: skip

    # --- what is looked at
    @extend_schema(summary="Pre-flight", description="Who gets it, who does not and why, and what to look at before it is approved.", responses=PreflightOut)  # fmt: skip
    @action(detail=True, methods=["get"], url_path="pre-flight")
    def pre_flight(self, request: Request, uid: UUID) -> Response:
        from campaigns.mailings.api.figures import preflight_of  # it asks delivery, which stands above mailings

        self.no_query()
        return Response(PreflightOut(preflight_of(self.find(uid))).data)

    @extend_schema(
        summary="Report", description="Of a mailing whose audience is frozen; before that, 409.", responses=ReportOut
    )
    @action(detail=True, methods=["get"])
    def report(self, request: Request, uid: UUID) -> Response:
        from campaigns.mailings.api.figures import report_of  # the same

        self.no_query()
        mailing = self.find(uid)
        if mailing.frozen_at is None:
            raise Problem(409, _("It has not been sent, so there is nothing to report."), code="not_frozen", data=self._where(mailing))  # fmt: skip
        return Response(ReportOut(report_of(mailing)).data)

    # --- its life
    def _do(self, uid: UUID, service: Callable[..., Mailing], **values: Any) -> Response:
        """One step of its life; the service checks who may take it."""
        mailing = self.find(uid)
        with self._told(mailing):
            service(mailing=mailing, actor=self.user, **values)
        return Response(self.again(mailing))

    @extend_schema(
        summary="Ask for approval", description="422 says what is missing.", request=None, responses=MailingDetail
    )
    @action(detail=True, methods=["post"], url_path="ask-review")
    def ask_review(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.ask_review)

    @extend_schema(summary="Take it back from review", request=None, responses=MailingDetail)
    @action(detail=True, methods=["post"], url_path="withdraw-review")
    def withdraw_review(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.withdraw_review)

    @extend_schema(
        summary="Approve",
        description="Exactly what was looked at: the hash and the count of the pre-flight. If it changed since, 409 says what. "
        "Whoever edited it since the last approval may not.",
        request=ApproveIn,
        responses=MailingDetail,
        examples=[
            OpenApiExample("As looked at", {"content_hash": "9f2c" * 16, "audience_count": 1042}, request_only=True)
        ],
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.approve, **self.read(ApproveIn))

    @extend_schema(summary="Send it back", description="With a comment that its editors see.", request=RejectIn, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.reject, **self.read(RejectIn))

    @extend_schema(summary="Release a held one", description="A fresh approval; it leaves at once.", request=ApproveIn, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def release(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.release_held, **self.read(ApproveIn))

    @extend_schema(summary="Schedule", description="It leaves at the time that was approved with it.", request=None, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def schedule(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.schedule)

    @extend_schema(summary="Take it off the schedule", request=None, responses=MailingDetail)
    @action(detail=True, methods=["post"])
    def unschedule(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.unschedule)

    @extend_schema(summary="Send now", description="It leaves in 30 seconds; `stop` takes it back until then.", request=None, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def send(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.send_now)

    @extend_schema(summary="Stop Send now", description="Within its 30 seconds: nothing has left, and the approval still holds.", request=None, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.stop)

    @extend_schema(
        summary="Pause", description="What is in flight still arrives.", request=PauseIn, responses=MailingDetail
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.pause, **self.read(PauseIn))

    @extend_schema(summary="Resume", request=None, responses=MailingDetail)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.resume)

    @extend_schema(summary="Cancel", description="What has left has left; the rest never does.", request=None, responses=MailingDetail)  # fmt: skip
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uid: UUID) -> Response:
        return self._do(uid, services.cancel)

    @extend_schema(summary="Duplicate", description="A new draft with the same content, without time, approval or history.", request=DuplicateIn, responses={201: MailingDetail})  # fmt: skip
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, uid: UUID) -> Response:
        mailing = self.find(uid)
        name = self.read(DuplicateIn).get("name") or _("Copy of %(name)s") % {"name": mailing.name[:280]}
        copy = editing.duplicate(mailing=Mailing.objects.get(pk=mailing.pk), actor=self.user, name=name)
        return Response(self.again(copy), status=201, headers={"Location": f"/api/v1/mailings/{copy.uid}"})

    @extend_schema(summary="Send a test to yourself", description="The real message by the real transport, to the address of the token's user.", request=TestIn, responses=SentTest)  # fmt: skip
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uid: UUID) -> Response:
        data = self.read(TestIn)
        send_test(
            mailing=self.find(uid), actor=self.user, language=data.get("language", ""),
            member_uid=str(data.get("member", "")),
        )  # fmt: skip
        return Response({"sent_to": self.user.email})
