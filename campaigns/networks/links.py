"""Signed links of networks: the one that confirms an application, and a member's own page. The first ends, the second does not."""

from __future__ import annotations

import binascii
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from crm import base64url
from crm.keyring import sign, verify

CONFIRM, MEMBER, FORM = "network-confirm", "network-member", "network-form"


def confirm_url(application_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_confirm", args=[token(CONFIRM, application_uid.bytes)])


def member_url(member_uid: UUID) -> str:
    return settings.BASE_URL + reverse("network_membership", args=[token(MEMBER, member_uid.bytes)])


def token(purpose: str, body: bytes) -> str:
    """base64url(body) "." key id "." base64url(MAC), as the links of consent are."""
    key_id, mac = sign(purpose, body)
    return f"{base64url.encode(body)}.{key_id}.{base64url.encode(mac)}"


def read(purpose: str, text: str) -> bytes | None:
    """What was signed for this purpose; None for anything that we did not make."""
    try:
        encoded, key_id, encoded_mac = text.split(".")
        body, mac = base64url.decode(encoded), base64url.decode(encoded_mac)
    except (ValueError, binascii.Error):
        return None
    return body if verify(purpose, body, key_id, mac) else None


def read_uid(purpose: str, text: str) -> UUID | None:
    body = read(purpose, text)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None
