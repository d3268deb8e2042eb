"""Pictures of messages, for whoever has their address: mail programs, and the caches in front of them."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from campaigns.files.models import StoredFile
from campaigns.files.storage import path_of
from crm.accounts.rules import public

ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}


@public
@require_safe
def picture(request: HttpRequest, sha256: str, ending: str) -> HttpResponseBase:
    """One content for ever: its address is its hash, so it may be kept for a year and never asked for again."""
    row = StoredFile.objects.filter(sha256=sha256, is_public=True).first()
    if row is None or ENDINGS[row.media_type] != ending:
        raise Http404
    try:
        file = path_of(row.sha256).open("rb")
    except OSError:
        raise Http404 from None
    return FileResponse(
        file,
        content_type=row.media_type,
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
