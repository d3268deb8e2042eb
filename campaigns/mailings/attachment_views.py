"""The attachments of a mailing in its editor, their download, and pictures for its body."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.files.pictures import SHOWN_WIDTH
from campaigns.files.sniffing import KINDS
from campaigns.files.storage import path_of
from campaigns.files.views import ENDINGS
from campaigns.mailings.attaching import attach, detach
from campaigns.mailings.models import Attachment, Mailing
from campaigns.mailings.picturing import add_picture
from campaigns.mailings.states import EDITABLE
from campaigns.mailings.views import find
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid
from crm.languages import language_name
from crm.ui.responses import done
from crm.ui.toasts import toast

ACCEPT = ",".join(f".{ending}" for kind in KINDS.values() for ending in (kind.ending, *kind.also))


def attachments_context(mailing: Mailing) -> dict[str, Any]:
    """For `_attachments.html`: what is attached, and the choices of a new one. One query (two with the languages)."""
    variants = list(mailing.variants.all())
    rows = list(mailing.attachments.select_related("file").order_by("position", "pk"))
    for row in rows:
        row.language_name = language_name(row.language) if row.language else ""  # type: ignore[attr-defined]
    return {
        "mailing": mailing,
        "attachments": rows,
        "attach_accept": ACCEPT,
        "attach_languages": [(v.language, language_name(v.language)) for v in variants] if len(variants) > 1 else [],
        "is_editable": mailing.state in EDITABLE,
    }


@requires(Action.WRITE)
@require_POST
def attachment_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Attach the chosen or dropped files, one after the other; the first that is refused says why, those before it stay."""
    mailing = find(request, uid, Action.WRITE)
    version, error = _version(request), ""
    uploads = request.FILES.getlist("file")
    if not uploads:
        error = _("Choose a file first.")
    for upload in uploads:
        try:
            saved = attach(
                mailing=mailing,
                actor=request.user,
                version=version,
                upload=upload,
                language=request.POST.get("language", ""),
            )
        except DomainError as refused:
            error = refused.message
            break
        version = saved.content_version
    return _answer(request, uid, error, _("Attached."))


@requires(Action.WRITE)
@require_POST
def attachment_remove(request: StaffRequest, uid: UUID, attachment: UUID) -> HttpResponse:
    mailing = find(request, uid, Action.WRITE)
    row = Attachment.objects.filter(mailing=mailing, uid=attachment).first()
    error = ""
    if row is not None:
        try:
            detach(mailing=mailing, actor=request.user, version=_version(request), attachment=row)
        except DomainError as refused:
            error = refused.message
    return _answer(request, uid, error, _("Removed."))


def _version(request: StaffRequest) -> int:
    text = request.POST.get("version", "")
    if not text.isdecimal() or len(text) > 9:
        raise Invalid(_("The page was not complete. Load it again; nothing was changed."))
    return int(text)


def _answer(request: StaffRequest, uid: UUID, error: str, text: str) -> HttpResponse:
    """The card again for htmx, with the version that further saves stand on; else back to the editor."""
    if not getattr(request, "htmx", False):
        toast(request, error or text, level="error" if error else "success")
        return done(request, reverse("mailing_edit", args=[uid]) + "#attachments")
    mailing = find(request, uid, Action.WRITE)
    context = attachments_context(mailing) | {"attach_error": error, "attach_again": True}
    return render(request, "campaigns/mailings/_attachments.html", context)


@requires(Action.WRITE)
@require_POST
def picture_add(request: StaffRequest, uid: UUID) -> JsonResponse:
    """A picture for the body: what the editor puts there, or why it was not taken."""
    mailing = find(request, uid, Action.WRITE)
    upload = request.FILES.get("file")
    if upload is None:
        return JsonResponse({"message": _("Choose a picture first.")}, status=422)
    try:
        row = add_picture(mailing=mailing, actor=request.user, upload=upload)
    except DomainError as refused:
        return JsonResponse({"message": refused.message}, status=refused.status)
    src = reverse("picture", args=[row.sha256, ENDINGS[row.media_type]])
    return JsonResponse({"src": src, "width": min(row.width or SHOWN_WIDTH, SHOWN_WIDTH)})


@requires(Action.SEE)
@require_safe
def attachment_download(request: StaffRequest, uid: UUID, attachment: UUID) -> HttpResponseBase:
    """To whoever may see the mailing: saved, never shown, so that nothing in it runs here."""
    row = get_object_or_404(Attachment.objects.select_related("file"), mailing=find(request, uid), uid=attachment)
    try:
        file = path_of(row.file.sha256).open("rb")
    except OSError:
        raise Invalid(_("“%(name)s” is not on disk any more. Upload it again.") % {"name": row.name}) from None
    return FileResponse(
        file,
        as_attachment=True,
        filename=row.name,
        content_type="application/octet-stream",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
