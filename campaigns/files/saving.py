"""A kept file on its way to somebody who may see it: saved, never shown, so that nothing in it runs here."""

from __future__ import annotations

from django.http import FileResponse
from django.utils.translation import gettext as _

from campaigns.files.models import StoredFile
from campaigns.files.storage import path_of
from crm.errors import Invalid

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}


def saved(file: StoredFile, name: str) -> FileResponse:
    """Under this name. Invalid when the bytes are not on disk any more."""
    try:
        content = path_of(file.sha256).open("rb")
    except OSError:
        raise Invalid(_("“%(name)s” is not on disk any more. Upload it again.") % {"name": name}) from None
    return FileResponse(
        content, as_attachment=True, filename=name, content_type="application/octet-stream", headers=HEADERS
    )
