"""A transport's address, whether it answers, and the one message that a test send makes."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import is_reserved
from campaigns.delivery.smtp import TransportDown
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.handing import Refused, backend_of, hand_over, message_of, unreachable
from campaigns.mailings.models import Transport
from campaigns.oauth.tokens import forget_token, token_for
from campaigns.oauth.xoauth2 import xoauth2
from crm.errors import Invalid, Unavailable

TIMEOUT = 8


class _Greeted:
    """Keeps the first line that the server says: it tells which server answered."""

    greeting = ""

    def connect(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, text = super().connect(*args, **kwargs)  # type: ignore[misc]
        self.greeting = _line(code, text)
        return code, text


class Client(_Greeted, smtplib.SMTP):
    """SMTP, with STARTTLS where the road says so."""


class TlsClient(_Greeted, smtplib.SMTP_SSL):
    """SMTP over TLS from the first byte."""


def _line(code: int, text: bytes | str) -> str:
    """What a server said, on one line that can be shown."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:160].strip()


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _line(error.smtp_code, error.smtp_error)
    return str(error)[:120] or type(error).__name__


@dataclass(frozen=True)
class Road:
    """Where a transport leads."""

    host: str
    port: int
    user: str
    password: str
    is_ssl: bool
    starts_tls: bool
    token: str = ""


def road_of(transport: Transport) -> Road:
    """The transport's own address, else the installation's EMAIL_URL; of a mailing service, its API's."""
    if transport.kind == Transport.Kind.SERVICE:
        parts = urlsplit(backend_of(transport).api_url)
        return Road(parts.hostname or "", parts.port or 443, "", "", is_ssl=parts.scheme == "https", starts_tls=False)
    parts = urlsplit(transport.url) if transport.url else settings.EMAIL_URL
    is_ssl = parts.scheme == "smtps"
    return Road(
        host=parts.hostname or "localhost",
        port=parts.port or (465 if is_ssl else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_ssl=is_ssl,
        starts_tls=parse_qs(parts.query).get("tls") == ["starttls"],
    )


def connect(road: Road) -> Client | TlsClient:
    """An open, greeted and signed-in connection; Unavailable with a plain sentence when there is none."""
    where = f"{road.host}:{road.port}"
    try:
        if road.is_ssl:
            client: Client | TlsClient = TlsClient(
                road.host, road.port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            client = Client(road.host, road.port, timeout=TIMEOUT)
        try:
            if road.starts_tls:
                client.starttls(context=ssl.create_default_context())
            if road.token:
                client.ehlo_or_helo_if_needed()
                # a refusal comes as a question with the reason in it; an empty answer asks for the refusal itself
                client.auth(
                    "XOAUTH2", lambda challenge=None: xoauth2(road.user, road.token) if challenge is None else ""
                )
            elif road.user:
                client.login(road.user, road.password)
            client.ehlo_or_helo_if_needed()
        except BaseException:
            client.close()
            raise
    except smtplib.SMTPAuthenticationError as error:
        raise Unavailable(
            _("%(where)s answered, but refused the user name or password. It said: “%(said)s”.")
            % {"where": where, "said": _said(error)},
            code="refused",
        ) from error
    except smtplib.SMTPResponseException as error:
        raise Unavailable(
            _("%(where)s answered, but does not let us in. It said: “%(said)s”.")
            % {"where": where, "said": _said(error)}
        ) from error
    except ssl.SSLError as error:
        raise Unavailable(
            _("%(where)s answered, but no safe connection could be made: its certificate or its TLS setting is wrong.")
            % {"where": where}
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unavailable(
            _("%(where)s does not answer (%(error)s). Check the address and whether the server runs.")
            % {"where": where, "error": _said(error)}
        ) from error
    return client


def signed_in(transport: Transport) -> Client | TlsClient:
    """A connection to where a transport leads. A token that the server refuses is not used again."""
    road = road_of(transport)
    if not transport.by_token:
        return connect(road)
    try:
        return connect(replace(road, token=token_for(transport, again=True)))
    except Unavailable as error:
        if error.code == "refused":
            forget_token(transport)
        raise


def check(transport: Transport) -> str:
    """Connect and say hello; what was found, as a sentence. Unavailable when it does not work."""
    if transport.kind == Transport.Kind.SERVICE:
        return _check_service(transport)
    road = road_of(transport)
    client = signed_in(transport)
    try:
        client.noop()
        secure = road.is_ssl or road.starts_tls
        return _("%(where)s answers%(secure)s. It said: “%(said)s”. Nothing was sent.") % {
            "where": f"{road.host}:{road.port}",
            "said": client.greeting,
            "secure": _(", over TLS") if secure else _(", without encryption"),
        }
    finally:
        client.close()


def send_one(transport: Transport, *, sender: str, to: str, message: bytes) -> None:
    """Hand over a single message; Invalid for reserved domains by a real transport, Unavailable when it is refused."""
    if transport.kind != Transport.Kind.LOCAL and is_reserved(to.rpartition("@")[2]):
        raise Invalid(
            _("%(address)s is a made-up address, and this transport is real, so nothing was sent.") % {"address": to},
            code="reserved_domain",
        )
    if transport.kind == Transport.Kind.SERVICE:
        return _send_by_service(transport, sender, message)
    client = signed_in(transport)
    try:
        client.sendmail(sender, [to], message)
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise Unavailable(
            _("The server refused %(address)s: %(code)s %(text)s")
            % {"address": to, "code": code, "text": text.decode("utf-8", "replace")[:120]}
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unavailable(
            _("The server did not take the message (%(error)s). Nothing was sent.") % {"error": _said(error)}
        ) from error
    finally:
        client.close()


def _check_service(transport: Transport) -> str:
    """Whether the service's API answers at all. Only a message tries the key."""
    problem = unreachable(transport)
    if problem:
        raise Unavailable(_("%(name)s cannot be reached: %(error)s.") % {"name": transport.name, "error": problem})
    return _("%(host)s answers. Whether the key is right is shown by a test to yourself. Nothing was sent.") % {
        "host": road_of(transport).host
    }


def _send_by_service(transport: Transport, sender: str, message: bytes) -> None:
    backend = backend_of(transport)
    ties = SERVICES[transport.service].ties
    try:
        with backend:
            reply = hand_over(backend, message_of(message, return_path=sender, ties=ties))
    except (Refused, TransportDown) as error:
        raise Unavailable(
            _("%(name)s did not take the message (%(error)s). Nothing was sent.")
            % {"name": transport.name, "error": str(error)[:160]}
        ) from error
    if not reply.is_ok:
        raise Unavailable(
            _("%(name)s refused the message: %(said)s") % {"name": transport.name, "said": reply.text[:160]}
        )
