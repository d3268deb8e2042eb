"""Signed values of public forms: the page's own (form, minute, receipt), and the link to answers that were kept."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from campaigns.forms.taking import RECEIPT_BYTES
from crm.keyring import seal, unseal

PAGE, DRAFT = "form-page", "form-draft"
QUICKEST = 2  # seconds that a person needs for a form at least
STALE = 2 * 86_400


@dataclass(frozen=True)
class Page:
    """What a page said when it was made. is_fresh: a person had it in front of them, and not for days."""

    receipt: bytes
    is_fresh: bool
    at: int = 0  # seconds since 1970


def page_token(form_id: int, page: Page | None = None) -> str:
    """A page that comes back with what was typed keeps its receipt, so that pressing twice stays one, and its time: who only mends a word is
    no program. One that is days old begins anew."""
    now = int(time.time())
    at = page.at if page and now - page.at <= STALE else now
    return seal(PAGE, struct.pack(">QQ", form_id, at) + (page.receipt if page else os.urandom(RECEIPT_BYTES)))


def read_page(token: str, form_id: int) -> Page | None:
    body = unseal(PAGE, token)
    if body is None or len(body) != 16 + RECEIPT_BYTES:
        return None
    of_form, at = struct.unpack(">QQ", body[:16])
    if of_form != form_id:
        return None
    return Page(body[16:], QUICKEST <= time.time() - at <= STALE, at)


def draft_url(uid: UUID) -> str:
    return settings.BASE_URL + reverse("form_continue", args=[seal(DRAFT, uid.bytes)])


def read_draft(token: str) -> UUID | None:
    body = unseal(DRAFT, token)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None
