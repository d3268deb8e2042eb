"""One finished message into a service's API, and its answer as a mail server would give it.

What is sent is read from the very bytes that SMTP would carry, so a message is the same by every road.
"""

from __future__ import annotations

import warnings
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailNotSupportedWarning
from anymail.message import AnymailMessage
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from campaigns.delivery.addresses import read_address
from campaigns.delivery.smtp import Reply, TransportDown
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.ses import lets_nobody_in
from campaigns.mailings.models import Transport

SECONDS = 15.0  # less than a delivery's lease lasts
TIE = "groundswell"  # the name under which a service carries the id of the delivery
# what the service itself writes, or what stands in fields of its own
_ITS_OWN = frozenset(
    ("from", "to", "cc", "subject", "reply-to", "date", "mime-version", "content-type", "content-transfer-encoding")
)


class Refused(Exception):
    """The service does not let us in: a wrong key, a closed account, too much at once. It is about the road."""


def backend_of(transport: Transport) -> Any:
    """django-anymail's connection with this transport's own settings, not yet open."""
    service = SERVICES[transport.service]
    known = transport.settings_of_service
    values = {
        each.name: known[each.name] for each in service.all_settings if not each.of_events and known.get(each.name)
    }
    # what a service cannot do (a return path of ours, for instance) is left out rather than refused for each message
    with warnings.catch_warnings():
        # its authors can try one service no longer; what it does with it, our tests say
        warnings.simplefilter("ignore", AnymailNotSupportedWarning)
        return service.backend()(
            timeout=SECONDS, ignore_unsupported_features=True, ignore_recipient_status=True, **values
        )


def message_of(raw: bytes, *, return_path: str, ties: str) -> AnymailMessage:
    """RFC 5322 bytes as the parts that an API takes: subject, texts, files, headers, and the delivery's id."""
    parsed: Parsed = message_from_bytes(raw, policy=policy.default)
    html, text = parsed.get_body(("html",)), parsed.get_body(("plain",))
    message = AnymailMessage(
        subject=str(parsed["Subject"] or ""),
        body=text.get_content() if text is not None else "",
        from_email=str(parsed["From"]),
        to=[str(parsed["To"])],
        cc=[str(parsed["Cc"])] if parsed["Cc"] else None,
        reply_to=[str(parsed["Reply-To"])] if parsed["Reply-To"] else None,
        headers={name: str(value) for name, value in parsed.items() if name.lower() not in _ITS_OWN},
    )
    if html is not None:
        message.attach_alternative(html.get_content(), "text/html")
    for part in parsed.iter_attachments():
        message.attach(part.get_filename(), part.get_payload(decode=True), part.get_content_type())
    message.raw = raw  # for a service that takes it whole
    message.envelope_sender = return_path
    if read_address(return_path):  # a test send belongs to no delivery
        token = return_path.partition("@")[0]
        if ties == "tags":
            message.tags = [token]
        else:
            message.metadata = {TIE: token}
    message.track_clicks = message.track_opens = False  # our own links say what is known
    return message


def hand_over(backend: Any, message: AnymailMessage) -> Reply:
    """Send it. Refused is about the road; TransportDown means that nobody knows whether it was taken."""
    try:
        backend.send_messages([message])
    except AnymailAPIError as error:
        return answer_of(error)
    except AnymailError as error:  # it cannot say in its own format what this message says
        return Reply(554, f"5.6.0 {_one_line(error)}")
    except Exception as error:  # an answer of a shape that django-anymail did not foresee: the message may be taken
        raise TransportDown(f"its answer cannot be read: {type(error).__name__}") from error
    return status_reply(backend, message)


def status_reply(backend: Any, message: AnymailMessage) -> Reply:
    """What the service's answer, as django-anymail reads it, would be by SMTP."""
    status = message.anymail_status
    said = f"{backend.esp_name}: {', '.join(sorted(str(s) for s in status.status or {'taken'}))}"
    found = f"{said} as {status.message_id}" if status.message_id else said
    states = status.status or set()
    if "invalid" in states:
        return Reply(553, f"5.1.3 {found}")
    # an error that django-anymail takes for an answer about the recipient, and then finds nothing in
    is_error = getattr(status.esp_response, "status_code", 200) >= 400
    if states & {"rejected", "failed"} or (is_error and states <= {"unknown"}):
        return Reply(550, f"5.7.1 {found}")
    return Reply(250, f"2.0.0 {found}")


def answer_of(error: AnymailAPIError) -> Reply:
    """What an error is by SMTP. Raises Refused and TransportDown as `hand_over` does."""
    code = error.status_code
    if code is None:
        if _never_left(error):
            raise Refused(_one_line(error)) from error
        raise TransportDown(_one_line(error)) from error
    if (said := _postal_said(error)) is not None:
        if said in _POSTAL_LETS_NOBODY_IN:
            raise Refused(said) from error
        return Reply(554, f"5.6.0 {said}")
    if said := lets_nobody_in(error.response):
        raise Refused(said) from error
    if code in (401, 402, 403, 429, 503):
        raise Refused(f"HTTP {code}: {_one_line(error)}") from error
    if code >= 500 or code == 408 or code < 400:  # below 400: it said yes, and then something that cannot be read
        raise TransportDown(f"HTTP {code}: {_one_line(error)}") from error
    return Reply(554, f"5.6.0 HTTP {code}: {_one_line(error)}")


# Postal answers 200 to everything, and says in the answer that it took nothing.
_POSTAL_LETS_NOBODY_IN = frozenset(("AccessDenied", "InvalidServerAPIKey", "ServerSuspended"))


def _postal_said(error: AnymailAPIError) -> str | None:
    """The code of an error of Postal's; None for any other answer."""
    if error.status_code != 200 or error.esp_name != "Postal":
        return None
    try:
        answer = error.response.json()
        if answer["status"] in {"error", "parameter-error"}:
            return str(answer["data"].get("code") or answer["data"].get("message") or answer["status"])[:100]
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return None


def _never_left(error: BaseException | None) -> bool:
    """Whether no connection was made, so that nothing can have been taken."""
    while error is not None:
        if isinstance(error, requests.ConnectTimeout | ConnectTimeoutError | NameResolutionError | NewConnectionError):
            return True
        reason = getattr(error.args[0], "reason", None) if error.args else None
        error = reason if isinstance(reason, BaseException) else error.__cause__
    return False


def _one_line(error: BaseException) -> str:
    """What was wrong, without the message that django-anymail adds."""
    text = str(error.__cause__ or error) if isinstance(error, requests.RequestException) else str(error)
    return " ".join(text.split())[:200]


def unreachable(transport: Transport) -> str:
    """Empty when the service's API answers, whatever it says; else what is wrong, as a sentence's part.

    It says nothing of whether the service lets us in: that needs a message (`breaker`), as each has its own way to ask.
    """
    try:
        requests.get(backend_of(transport).api_url, timeout=SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return _one_line(error)
    return ""
