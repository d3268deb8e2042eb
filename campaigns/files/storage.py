"""Bytes by their SHA-256 under MEDIA_ROOT/files: written whole or not at all, removed only when no row names them.

Every change of a content happens under an advisory lock of its hash, to the end of the transaction: an upload of what is
just being removed waits, and then finds that it has to write it again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef, ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.files.models import StoredFile
from campaigns.files.pictures import Picture
from crm.errors import Unavailable

_LOCKS = 7102
KEPT = timedelta(days=7)  # what was taken off a mailing can be put back so long


def path_of(sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "files" / sha256[:2] / sha256


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def store(content: bytes, *, media_type: str) -> StoredFile:
    """The row of this content, made if it is new, with its bytes on disk. In the caller's transaction."""
    sha256 = digest(content)
    with transaction.atomic():
        _lock(sha256)
        row, _is_new = StoredFile.objects.get_or_create(
            sha256=sha256, defaults={"size": len(content), "media_type": media_type}
        )
        _write(sha256, content)
    return row


def publish(picture: Picture) -> StoredFile:
    """A picture for everybody who has its address; a file that is attached somewhere becomes public by it."""
    row = store(picture.content, media_type=picture.media_type)
    if not row.is_public:
        row.is_public, row.width, row.height = True, picture.width, picture.height
        row.save(update_fields=["is_public", "width", "height", "updated_at"])
    return row


def release(file: StoredFile) -> None:
    """Remove a content that nobody uses any more; one that is still used, or public, stays. In the caller's transaction."""
    sha256 = file.sha256
    with transaction.atomic():
        _lock(sha256)
        row = StoredFile.objects.filter(sha256=sha256, is_public=False).first()
        if row is None:
            return
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError:
            return
    transaction.on_commit(lambda: _sweep(sha256))


def release_later(file: StoredFile, *, now: datetime | None = None) -> None:
    """Let a content go in some days if nobody uses it by then, so that what took it off can be undone. In the caller's transaction."""
    StoredFile.objects.filter(pk=file.pk).update(kept_until=(now or timezone.now()) + KEPT)


def release_all(rows: Any) -> None:
    """Delete rows that have a `file`, and the contents that nobody else has."""
    files = list(StoredFile.objects.filter(pk__in=list(rows.values_list("file_id", flat=True))))
    rows.delete()
    for file in files:
        release(file)


def release_unowned(*, before: datetime, limit: int = 500) -> int:
    """Remove contents that no row has named since `before` (of an upload that was not taken), and those that were let go so long
    ago that it cannot be undone any more. Returns how many were looked at."""
    rows = StoredFile.objects.filter(is_public=False, updated_at__lt=before).exclude(kept_until__gt=timezone.now())
    for relation in StoredFile._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.related_model is None:
            continue
        owners = relation.related_model._default_manager.filter(**{f"{relation.field.name}_id": OuterRef("pk")})
        rows = rows.filter(~Exists(owners))
    found = list(rows.order_by("pk")[:limit])
    for file in found:
        release(file)
    return len(found)


def read(sha256: str) -> bytes:
    """The content, checked against its name. Unavailable when it is gone or is another one."""
    try:
        content = path_of(sha256).read_bytes()
    except OSError as error:
        raise Unavailable(
            _("A file of this mailing cannot be read (%(error)s). Is MEDIA_ROOT there?") % {"error": error.strerror}
        ) from error
    if digest(content) != sha256:
        raise Unavailable(_("A file of this mailing is damaged on disk. Upload it again."))
    return content


def is_there(sha256: str) -> bool:
    return path_of(sha256).is_file()


def _write(sha256: str, content: bytes) -> None:
    # also when it is there already: how long an upload takes tells nobody whether we had the content
    place = path_of(sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o640)
        os.replace(name, place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sweep(sha256: str) -> None:
    """After the commit that removed a row: its bytes go, unless somebody uploaded them again."""
    with transaction.atomic():
        _lock(sha256)
        if not StoredFile.objects.filter(sha256=sha256).exists():
            path_of(sha256).unlink(missing_ok=True)


def _lock(sha256: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, int(sha256[:8], 16) - 2**31])
