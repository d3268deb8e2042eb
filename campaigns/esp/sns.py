"""Amazon SNS signs what it posts: SignatureVersion 1 (SHA-1) and 2 (SHA-256), RSA, by a certificate that its own hosts serve.

The address of the certificate stands in the message, so it is believed only where it leads to SNS by https; there it is fetched once
by each process and kept for a day.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from crm.errors import Unavailable

SECONDS, MOST_BYTES = 5.0, 20_000
KEPT_SECONDS, KEPT = 24 * 3600, 16
OF_SNS = r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(rf"https://{OF_SNS}/[A-Za-z0-9._-]{{1,100}}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# what Amazon signs with, by the message's own word; PKCS #1 v1.5 both
_HASHES: dict[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_certificates: dict[str, tuple[float, x509.Certificate]] = {}


class Unsigned(Exception):
    """The message is not what SNS signed. Its words say why, and name nothing of the message."""


def verify(message: Mapping[str, Any]) -> None:
    """Unsigned unless SNS signed it; Unavailable when its certificate cannot be fetched now."""
    algorithm = _HASHES.get(str(message.get("SignatureVersion")))
    if algorithm is None:
        raise Unsigned("its signature is of no version that we know")
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
    except (binascii.Error, ValueError):
        raise Unsigned("its signature is no base64") from None
    signed = words_signed(message)
    key = _certificate(str(message.get("SigningCertURL", ""))).public_key()
    if not isinstance(key, RSAPublicKey):
        raise Unsigned("its certificate is of another kind")
    try:
        key.verify(signature, signed, PKCS1v15(), algorithm())
    except InvalidSignature:
        raise Unsigned("its signature is of something else") from None


def words_signed(message: Mapping[str, Any]) -> bytes:
    """Name and value, a line each, in the order of their names; what the message does not have is left out (a subject)."""
    names = _SIGNED.get(str(message.get("Type")))
    if names is None:
        raise Unsigned("it is of no kind that SNS has")
    return "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None).encode()


def _certificate(url: str) -> x509.Certificate:
    if not _CERTIFICATE.fullmatch(url):
        raise Unsigned("its certificate is not at SNS")
    until, found = _certificates.get(url, (0.0, None))
    if found is None or until < time.monotonic():
        found = _read(_fetch(url))
        if len(_certificates) >= KEPT:
            _certificates.clear()
        _certificates[url] = time.monotonic() + KEPT_SECONDS, found
    if not found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc:
        raise Unsigned("its certificate is not valid now")
    return found


def _read(data: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError:
        raise Unavailable("SNS gave something else than a certificate") from None


def _fetch(url: str) -> bytes:
    try:
        with requests.get(url, timeout=SECONDS, allow_redirects=False, stream=True) as response:
            response.raise_for_status()
            return bytes(response.raw.read(MOST_BYTES, decode_content=True))
    except (requests.RequestException, OSError) as error:
        raise Unavailable(f"SNS’s certificate cannot be fetched ({type(error).__name__})") from error
