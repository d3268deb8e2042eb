"""Attaching files to a mailing, and taking them off. Each is a change of its content: an approval does not survive one."""

from __future__ import annotations

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.files.models import StoredFile
from campaigns.files.sniffing import safe_name, sniff
from campaigns.files.storage import is_there, release_later, store
from campaigns.mailings.editing import _changed, _opened
from campaigns.mailings.models import Attachment, Mailing
from crm.accounts.models import User
from crm.errors import Conflict, Invalid
from crm.ui import formats

MAX_FILES = 10


def attach(*, mailing: Mailing, actor: User, version: int, upload: UploadedFile, language: str = "") -> Mailing:
    """Attach one file, with one language or (empty) with all. Invalid with a sentence when it is not taken."""
    name = upload.name or ""
    if (upload.size or 0) > settings.ATTACHMENT_MAX_BYTES:
        raise Invalid(
            _("“%(name)s” is larger than %(limit)s, so it was not taken. Make it smaller, or link to it.")
            % {"name": name[:80], "limit": formats.size(settings.ATTACHMENT_MAX_BYTES)},
            code="too_large",
        )
    content = upload.read()
    kind = sniff(content, name)
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        if language and not row.variants.filter(language=language).exists():
            raise Invalid(_("This mailing is not written in that language."), code="no_variant")
        safe = safe_name(name, kind)
        there = list(row.attachments.select_related("file"))
        if any(one.name == safe and (one.language == language or "" in (one.language, language)) for one in there):
            raise Conflict(
                _("“%(name)s” is attached already. Remove it first, or give the file another name.") % {"name": safe},
                code="attached",
            )
        _check_sum(there, len(content), language)
        file = store(content, media_type=kind.media_type)
        Attachment.objects.create(
            mailing=row,
            file=file,
            name=safe,
            language=language,
            position=max((one.position for one in there), default=0) + 1,
        )
        return _changed(row, actor, [("attachments", None, [safe, language, file.sha256])])


def _check_sum(there: list[Attachment], size: int, language: str) -> None:
    if len(there) >= MAX_FILES:
        raise Invalid(_("A mailing carries ten files at most. Remove one first."), code="too_many")
    languages = {one.language for one in there} | {language}
    largest = max(sum(one.file.size for one in there if one.language in ("", code)) for code in languages)
    if largest + size > settings.ATTACHMENTS_MAX_BYTES:
        raise Invalid(
            _("With this file a message would carry more than %(limit)s, so it was not taken. Link to it instead.")
            % {"limit": formats.size(settings.ATTACHMENTS_MAX_BYTES)},
            code="too_large",
        )


def detach(*, mailing: Mailing, actor: User, version: int, attachment: Attachment) -> Mailing:
    """Take a file off; its content goes in some days, when it cannot be put back any more and no mailing has it. Twice does nothing twice."""
    with transaction.atomic():
        row = _opened(mailing, actor, version)
        found = row.attachments.select_related("file").filter(pk=attachment.pk).first()
        if found is None:
            return row
        file = found.file
        found.delete()
        release_later(file)
        return _changed(row, actor, [("attachments", [found.name, found.language, file.sha256], None)])


def put_back(row: Mailing, before: list[str] | None, after: list[str] | None) -> None:
    """Undo one change of a locked mailing ([name, language, hash], or None): what was attached is taken off, what was taken
    off comes back while its content is kept: for some days, and as long as anything else has it. Conflict when that cannot be."""
    if after:
        name, language, sha256 = after
        found = row.attachments.select_related("file").filter(name=name, language=language, file__sha256=sha256).first()
        if found is None:
            raise Conflict(_("“%(name)s” is not attached any more, so nothing was changed.") % {"name": name})
        file = found.file
        found.delete()
        release_later(file)
    if before:
        name, language, sha256 = before
        # locked: the sweep waits and finds it used, or has removed it already
        kept = StoredFile.objects.select_for_update().filter(sha256=sha256).first()
        if kept is None or not is_there(sha256):
            raise Conflict(
                _("The content of “%(name)s” is not kept any more, so nothing was changed. Attach the file again.")
                % {"name": name},
                code="file_gone",
            )
        if row.attachments.filter(name=name, language__in=["", language]).exists():
            raise Conflict(_("“%(name)s” cannot come back by itself. Attach it again.") % {"name": name})
        Attachment.objects.create(
            mailing=row, file=kept, name=name, language=language, position=row.attachments.count() + 1
        )
