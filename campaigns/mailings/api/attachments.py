"""/mailings/{uid}/attachments: what its letters carry, read by whoever approves them, attached and taken off by whoever writes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.files.saving import octets
from campaigns.mailings.api.base import MailingActions
from campaigns.mailings.api.serializers import AttachmentIn, AttachmentOut, MailingDetail
from campaigns.mailings.attaching import attach, detach
from campaigns.mailings.models import Attachment, Mailing
from campaigns.mailings.queries import with_origin
from crm.accounts.rules import Action
from crm.api import paging
from crm.api.parsers import StrictJSONParser
from crm.api.problems import Problem
from crm.errors import Invalid


class AttachmentActions(MailingActions):
    """The files of one mailing. Each change is one of the mailing: it counts its version, and an approval does not survive it."""

    @extend_schema(
        summary="Its attachments",
        description="In the order in which letters carry them. `sha256` says which octets an approval is for.",
        responses=AttachmentOut(many=True),
    )
    @action(detail=True, methods=["get"], parser_classes=[StrictJSONParser, MultiPartParser])
    def attachments(self, request: Request, uid: UUID) -> Response:
        asked = paging.Asked.of(request)
        self.no_query(*paging.PAGING - {"sort"})
        mailing = self.find(uid)
        made = paging.page(asked, mailing.attachments.select_related("file"), ["position"])
        return paging.answer(request, made, list(AttachmentOut(with_origin(mailing, made.rows), many=True).data))

    @extend_schema(
        summary="Attach a file",
        description="PDF, Office document without macros, picture, calendar entry or text; its content says what it is. Ten files at most. What is too "
        "large or of another type is refused with 422, a name that it has already with 409; nothing is changed then. `If-Match` takes the `ETag` of the "
        "mailing, and the answer is the mailing as it is now; `Location` is the address of the file itself.",
        request={"multipart/form-data": AttachmentIn},
        responses={201: MailingDetail},
    )
    @attachments.mapping.post
    def attach(self, request: Request, uid: UUID) -> Response:
        with transaction.atomic():
            row = self._locked(uid, Action.WRITE)
            data = self.read(AttachmentIn)
            with self._told(row):
                upload = self._one_file(data["file"])
                saved = attach(
                    mailing=row, actor=self.user, version=row.content_version, upload=upload,
                    language=data.get("language", ""),
                )  # fmt: skip
            made = saved.attachments.latest("pk")
            answer = self.again(saved)
        where = f"/api/v1/mailings/{uid}/attachments/{made.uid}/content"
        return Response(answer, status=201, headers={"Location": where})

    def _one_file(self, upload: UploadedFile) -> UploadedFile:
        if len(self.request.FILES.getlist("file")) > 1:
            sentence = _("Send one file with each request. None was attached.")
            raise Invalid(sentence, code="several_files", errors=[("file", sentence)])
        return upload

    @extend_schema(
        summary="Take an attachment off",
        description="Its content is kept for some days, so that whoever may can undo this in the history. `If-Match` takes the `ETag` of the mailing; the "
        "answer is the mailing as it is now.",
        responses={200: MailingDetail},
    )
    @action(detail=True, methods=["delete"], url_path="attachments/<uuid:attachment>")
    def detach(self, request: Request, uid: UUID, attachment: UUID) -> Response:
        with transaction.atomic():
            row = self._locked(uid, Action.WRITE)
            found = self._attached(row, attachment)
            with self._told(row):
                saved = detach(mailing=row, actor=self.user, version=row.content_version, attachment=found)
            return Response(self.again(saved))

    @extend_schema(
        summary="An attachment itself",
        description="Octets to be saved, never to be shown in a page.",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], url_path="attachments/<uuid:attachment>/content")
    def attachment_content(self, request: Request, uid: UUID, attachment: UUID) -> HttpResponse:
        self.no_query()
        found = self._attached(self.find(uid), attachment)
        return octets(found.file, found.name)

    def _attached(self, mailing: Mailing, attachment: UUID) -> Attachment:
        found: Any = mailing.attachments.select_related("file").filter(uid=attachment).first()
        if found is None:
            raise Problem(404, _("This mailing has no such attachment."))
        return found
