"""A kept file on its way to somebody who may see it: saved, never shown, so that nothing in it runs here."""

from __future__ import annotations

from django.http import FileResponse, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from campaigns.files.models import StoredFile
from campaigns.files.storage import path_of
from crm.errors import Invalid

OCTETS = "application/octet-stream"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}


def saved(file: StoredFile, name: str) -> FileResponse:
    """Under this name, piece by piece. Invalid when the bytes are not on disk any more."""
    try:
        content = path_of(file.sha256).open("rb")
    except OSError as error:
        raise _gone(name) from error
    return FileResponse(content, as_attachment=True, filename=name, content_type=OCTETS, headers=HEADERS)


def octets(file: StoredFile, name: str) -> HttpResponse:
    """The same at once, for programs: a file is as large as an attachment at most, and nothing stays open."""
    try:
        content = path_of(file.sha256).read_bytes()
    except OSError as error:
        raise _gone(name) from error
    given = HEADERS | {"Content-Disposition": str(content_disposition_header(True, name))}
    return HttpResponse(content, content_type=OCTETS, headers=given)


def _gone(name: str) -> Invalid:
    return Invalid(_("“%(name)s” is not on disk any more. Upload it again.") % {"name": name})
