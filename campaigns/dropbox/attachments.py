"""Attachments of dropped mail: taken by the same rules as uploads (their content says what they are, within limits), saved and never shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.dropbox.models import DroppedFile, DroppedMail
from campaigns.files.sniffing import Kind, safe_name, sniff
from campaigns.files.storage import release, store
from campaigns.outreach.mail.parts import Part, parse
from crm.errors import Invalid
from crm.ui import formats

MOST_FILES = 10
_WORDS = {"text/plain", "text/html", "text/enriched"}


@dataclass(frozen=True)
class Attached:
    name: str
    kind: Kind
    content: bytes


def keep_attachments(mail: DroppedMail, raw: bytes) -> None:
    """Keep what the message carries; what is not taken is said in `left_out`. In the caller's transaction."""
    taken, refused = attachments_of(raw)
    for one in taken:
        file = store(one.content, media_type=one.kind.media_type)
        DroppedFile.objects.create(mail=mail, file=file, name=one.name)
    if refused:
        mail.left_out = " ".join(refused)[:300]
        mail.save(update_fields=["left_out"])


def attachments_of(raw: bytes) -> tuple[list[Attached], list[str]]:
    """(those that are taken, each name once; a sentence for each that is not). Any bytes have an answer."""
    taken: dict[str, Attached] = {}
    refused: list[str] = []
    left = settings.ATTACHMENTS_MAX_BYTES
    # encoded for mail, contents are a third longer; what lies beyond is cut, and then refused as damaged
    most = settings.ATTACHMENTS_MAX_BYTES * 3 // 2 + 1_000_000
    for part in _files(parse(raw, most=most), most):
        content = part.content()
        try:
            if len(taken) == MOST_FILES:
                raise Invalid(_("There were more than %(n)s attachments.") % {"n": formats.number(MOST_FILES)})
            if len(content) > min(left, settings.ATTACHMENT_MAX_BYTES):
                limit = formats.size(min(settings.ATTACHMENT_MAX_BYTES, settings.ATTACHMENTS_MAX_BYTES))
                raise Invalid(_("An attachment was larger than %(limit)s.") % {"limit": limit})
            kind = sniff(content, part.file_name)
        except Invalid as why:
            if why.message not in refused:
                refused.append(why.message)
            continue
        left -= len(content)
        name = _free(safe_name(part.file_name, kind), taken)
        taken[name] = Attached(name, kind, content)
    return list(taken.values()), refused


def _files(message: Part, most: int) -> Iterator[Part]:
    """Parts that are files, those of a message that was attached too. Pictures of a signature stand in the text and are none."""
    for part in message.walk():
        if part.type in {"message/rfc822", "message/global"}:
            inner = parse(part.content(), most=most)
            yield from (one for one in inner.walk() if _is_file(one))
        elif _is_file(part):
            yield part


def _is_file(part: Part) -> bool:
    if part.parts or part.type.startswith(("multipart/", "message/")) or not part.file_name:
        return False
    said = part.get("Content-Disposition").split(";")[0].strip().lower()
    if said == "inline" and (part.type.startswith("image/") or part.type in _WORDS):
        return False
    return said == "attachment" or not part.has("Content-ID")


def _free(name: str, taken: Iterable[str]) -> str:
    """Two attachments may have one name."""
    known, stem, ending = set(taken), *name.rpartition(".")[::2]
    number = 2
    while name in known:
        name, number = f"{stem} {number}.{ending}", number + 1
    return name


def remove_files(mails: Iterable[int]) -> int:
    """The attachments of these messages go, their contents with them where nobody else keeps them."""
    rows = list(DroppedFile.objects.filter(mail__in=list(mails)).select_related("file").order_by("pk"))
    DroppedFile.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for file in {row.file.pk: row.file for row in rows}.values():
        release(file)
    return len(rows)
