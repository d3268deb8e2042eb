"""The signed link to the preference page. It never expires: mail that was sent carries it for ever.

Token: base64url( kind, uid, mailing id and seq if known ) "." key id "." base64url( MAC ). Nothing needs looking up to
know that it is ours; the purpose keeps other links' MACs out.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from contacts.consent.models import SubjectKind
from contacts.consent.subjects import Subject
from crm import base64url
from crm.keyring import sign, verify

PURPOSE = "preferences"
OPT_IN = "opt-in"
_KINDS = {SubjectKind.PERSON: b"p", SubjectKind.ORGANIZATION: b"o"}
_DELIVERY = struct.Struct(">QI")


@dataclass(frozen=True)
class PreferenceLink:
    """Who a token was made for, and the delivery that carried it, when it was one."""

    subject: Subject
    mailing_id: int | None = None
    seq: int | None = None


def preference_token(
    subject_uid: UUID, kind: str = SubjectKind.PERSON, mailing_id: int | None = None, seq: int | None = None
) -> str:
    body = _KINDS[SubjectKind(kind)] + subject_uid.bytes
    if mailing_id is not None and seq is not None:
        body += _DELIVERY.pack(mailing_id, seq)
    key_id, mac = sign(PURPOSE, body)
    return f"{base64url.encode(body)}.{key_id}.{base64url.encode(mac)}"


def preference_url(
    subject_uid: UUID, kind: str = SubjectKind.PERSON, mailing_id: int | None = None, seq: int | None = None
) -> str:
    """The absolute address of the subject's preference page. `kind` is "person" or "organization"."""
    token = preference_token(subject_uid, kind, mailing_id, seq)
    return settings.BASE_URL + reverse("preferences", kwargs={"token": token})


def opt_in_url(request_uid: UUID) -> str:
    """The absolute address of the page that confirms a permission; the request knows until when."""
    key_id, mac = sign(OPT_IN, request_uid.bytes)
    token = f"{base64url.encode(request_uid.bytes)}.{key_id}.{base64url.encode(mac)}"
    return settings.BASE_URL + reverse("opt_in", kwargs={"token": token})


def read_opt_in(token: str) -> UUID | None:
    """The request that a token was made for; None when we did not make it."""
    parts = _parts(token)
    if parts is None or len(parts[0]) != 16 or not verify(OPT_IN, *parts):
        return None
    return UUID(bytes=parts[0])


def _parts(token: str) -> tuple[bytes, str, bytes] | None:
    try:
        encoded, key_id, encoded_mac = token.split(".")
        return base64url.decode(encoded), key_id, base64url.decode(encoded_mac)
    except (ValueError, binascii.Error):
        return None


def read_token(token: str) -> PreferenceLink | None:
    """What a token says if we made it; None for anything else, however broken."""
    parts = _parts(token)
    if parts is None:
        return None
    body, key_id, mac = parts
    if len(body) not in {17, 17 + _DELIVERY.size} or not verify(PURPOSE, body, key_id, mac):
        return None
    kind = next(kind for kind, letter in _KINDS.items() if letter == body[:1])
    mailing_id, seq = _DELIVERY.unpack(body[17:]) if len(body) > 17 else (None, None)
    return PreferenceLink(Subject(UUID(bytes=body[1:17]), kind), mailing_id, seq)
