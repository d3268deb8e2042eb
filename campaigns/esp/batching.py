"""Many finished messages in one call of a service's API, each with its own text, links, headers and id, and its own answer.

Most services take a list of whole messages: each is put into the service's form by django-anymail as if it went alone, the forms
are joined, and each part of the answer is read by django-anymail as that of a single call. Mailgun takes one message with
variables, so subject, texts and headers are its variables (django-anymail's merge_data, merge_headers and merge_metadata).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRequestsAPIError
from anymail.message import AnymailMessage, AnymailStatus

from campaigns.delivery.smtp import Reply, TransportDown
from campaigns.esp.handing import SECONDS, Refused, answer_of, hand_over, status_reply

# Of one call. A service may allow more, but what nobody knows after a time-out is as many.
MOST_MESSAGES = 100
MOST_BYTES = 8_000_000
COME_LATER = 421

Data = dict[str, Any]
Call = tuple[str, Any]  # the path below the API's address (empty: as for one message), and what is posted


class Part:
    """One message's part of an answer, in the place of the answer to a single call."""

    headers: dict[str, str] = {"content-type": "application/json"}  # noqa: RUF012 read only
    reason = ""

    def __init__(self, value: Any, status_code: int) -> None:
        self.value, self.status_code = value, status_code
        self.text = json.dumps(value)
        self.content = self.text.encode()

    def json(self) -> Any:
        return self.value


@dataclass(frozen=True)
class Batching:
    """How a service takes many messages. parts: of its answer, one for each message in their order; LookupError when they cannot be told."""

    most: int
    join: Callable[[Sequence[Data]], Call]
    parts: Callable[[Any, int], list[Part]]


# --- the services -----------------------------------------------------------------------------------------------------
def _postmark_parts(answer: Any, status: int) -> list[Part]:
    return [Part(each, 422 if each.get("ErrorCode") else 200) for each in _listed(answer)]


def _resend_parts(answer: Any, status: int) -> list[Part]:
    return [Part({"id": each["id"]}, 200) for each in _listed(answer["data"])]


def _mailjet_join(forms: Sequence[Data]) -> Call:
    return "", {"Messages": [{**form["Globals"], **form["Messages"][0]} for form in forms]}


def _mailjet_parts(answer: Any, status: int) -> list[Part]:
    return [Part({"Messages": [each]}, 200) for each in _listed(answer["Messages"])]


def _mailtrap_join(forms: Sequence[Data]) -> Call:
    base = {name: value for name, value in forms[0].items() if all(form.get(name) == value for form in forms)}
    base.pop("to", None)
    return "batch", {
        "base": base,
        "requests": [{name: value for name, value in form.items() if name not in base} for form in forms],
    }


def _mailtrap_parts(answer: Any, status: int) -> list[Part]:
    return [Part(each, 200 if each["success"] else 422) for each in _listed(answer["responses"])]


_OF_A_VERSION = ("to", "subject", "htmlContent", "textContent", "replyTo", "headers")


def _brevo_join(forms: Sequence[Data]) -> Call:
    versions = [
        {name: dict(form[name]) if name == "headers" else form[name] for name in _OF_A_VERSION if form.get(name)}
        for form in forms
    ]
    # what each version says itself must all the same stand there once
    shared = {name: value for name, value in forms[0].items() if name not in {"to", "headers", "replyTo"}}
    return "", {**shared, "messageVersions": versions}


def _brevo_parts(answer: Any, status: int) -> list[Part]:
    return [Part({"messageId": each}, 201) for each in _listed(answer["messageIds"])]


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise LookupError("not a list")
    return value


BATCHES = {
    "brevo": Batching(MOST_MESSAGES, _brevo_join, _brevo_parts),
    "mailjet": Batching(50, _mailjet_join, _mailjet_parts),
    "mailtrap": Batching(MOST_MESSAGES, _mailtrap_join, _mailtrap_parts),
    "postmark": Batching(MOST_MESSAGES, lambda forms: ("email/batch", list(forms)), _postmark_parts),
    "resend": Batching(MOST_MESSAGES, lambda forms: ("emails/batch", list(forms)), _resend_parts),
}
BY_VARIABLES = {"mailgun": MOST_MESSAGES}


def most_of(service: str) -> int:
    """How many messages one call to a service carries; 1 where it takes one, or cannot give each what it must have."""
    return BATCHES[service].most if service in BATCHES else BY_VARIABLES.get(service, 1)


# --- handing over -----------------------------------------------------------------------------------------------------
def hand_over_all(backend: Any, service: str, messages: Sequence[AnymailMessage]) -> list[Reply | TransportDown]:
    """Send them; the word on each, in their order. TransportDown: nobody knows whether that one was taken.

    A service that refuses a whole call because of one message took none of them. Then the halves are tried, and so on, until the
    one that it means stands alone.
    """
    deadline = time.monotonic() + SECONDS
    return _hand_over(backend, service, messages, deadline)


def _hand_over(
    backend: Any, service: str, messages: Sequence[AnymailMessage], deadline: float
) -> list[Reply | TransportDown]:
    if len(messages) == 1:
        return [_alone(backend, messages[0])]
    call = _by_variables if service in BY_VARIABLES else _as_list
    try:
        return call(backend, service, messages)
    except _AllRefused:
        words: list[Reply | TransportDown] = []
        half = (len(messages) + 1) // 2
        for some in (messages[:half], messages[half:]):
            if time.monotonic() > deadline:  # nothing of these was taken
                words += [Reply(COME_LATER, "4.3.2 not tried: the service refused others beside it")] * len(some)
            else:
                words += _hand_over(backend, service, some, deadline)
        return words
    except Refused as refused:
        return [Reply(COME_LATER, f"4.7.0 {backend.esp_name} does not let us in: {refused}")] * len(messages)
    except TransportDown as down:
        return [down] * len(messages)


class _AllRefused(Exception):
    """An answer of class 4 to the whole call, without a word on each message: none was taken."""


def _alone(backend: Any, message: AnymailMessage) -> Reply | TransportDown:
    try:
        return hand_over(backend, message)
    except Refused as refused:
        return Reply(COME_LATER, f"4.7.0 {backend.esp_name} does not let us in: {refused}")
    except TransportDown as down:
        return down


def _as_list(backend: Any, service: str, messages: Sequence[AnymailMessage]) -> list[Reply | TransportDown]:
    batching = BATCHES[service]
    payloads: list[Any] = []
    words: dict[int, Reply | TransportDown] = {}  # of those that have no form: they fail alone
    for number, message in enumerate(messages):
        try:
            payloads.append((number, message, _form(backend, message)))
        except Exception as error:  # whatever a poisoned message makes the library raise
            words[number] = Reply(554, f"5.6.0 cannot be put into the service's form: {error}"[:300])
    if payloads:
        response = _post(backend, payloads[0][2], batching.join([payload.data for _, _, payload in payloads]))
        for (number, message, payload), part in zip(payloads, _parts(batching, response, len(payloads)), strict=True):
            words[number] = _word(backend, part, payload, message)
    return [words[number] for number in range(len(messages))]


def _form(backend: Any, message: AnymailMessage) -> Any:
    message.anymail_status = AnymailStatus()
    return backend.build_message_payload(message, backend.send_defaults)


def _post(backend: Any, payload: Any, call: Call) -> requests.Response:
    """One call with the first message's way in, and its answer; raises as `answer_of` does, or _AllRefused."""
    path, data = call
    params = payload.get_request_params(backend.api_url)
    params |= {"data": payload.serialize_json(data), "timeout": backend.timeout}
    if path:
        params["url"] = urljoin(backend.api_url, path)
    try:
        response: requests.Response = backend.session.request(**params)
    except requests.RequestException as error:
        problem = AnymailRequestsAPIError(f"Error posting to {params['url']}")
        problem.__cause__ = error
        answer_of(problem)
        raise TransportDown(str(error)) from error  # answer_of raises for whatever has no status
    return response


def _parts(batching: Batching, response: requests.Response, wanted: int) -> list[Part]:
    """What the answer says of each; else what it says of all of them."""
    status = response.status_code
    is_refused = 400 <= status < 500 and status not in (401, 402, 403, 408, 429)
    if status < 300 or is_refused:
        try:
            parts = batching.parts(response.json(), status)
            if len(parts) == wanted:
                return parts
        except (LookupError, TypeError, AttributeError, ValueError):
            pass
    if is_refused:
        raise _AllRefused
    error = AnymailRequestsAPIError("an answer to many messages that cannot be read", response=response)
    answer_of(error)
    raise TransportDown("its answer to many messages cannot be read")


def _word(backend: Any, part: Part, payload: Any, message: AnymailMessage) -> Reply | TransportDown:
    """As for a single call."""
    try:
        backend.raise_for_status(part, payload, message)
        message.anymail_status.esp_response = part
        message.anymail_status.set_recipient_status(backend.parse_recipient_status(part, payload, message))
        return status_reply(backend, message)
    except AnymailAPIError as error:
        try:
            return answer_of(error)
        except Refused as refused:
            return Reply(COME_LATER, f"4.7.0 {backend.esp_name} does not let us in: {refused}")
        except TransportDown as down:
            return down
    except AnymailError as error:
        return Reply(554, f"5.6.0 {error}"[:300])
    except Exception as error:
        return TransportDown(f"its answer cannot be read: {type(error).__name__}")


# --- by variables -----------------------------------------------------------------------------------------------------
def _by_variables(backend: Any, service: str, messages: Sequence[AnymailMessage]) -> list[Reply | TransportDown]:
    """Mailgun: one message to all, of which each part is a variable of its recipient. It gives one id for all of them."""
    one = _with_variables(messages)
    try:
        backend.send_messages([one])
    except AnymailAPIError as error:
        answer_of(error)  # raises for what is not about the messages
        raise _AllRefused from error
    except AnymailError as error:
        raise _AllRefused from error  # one of them has no form; which, its half will say
    except Exception as error:
        raise TransportDown(f"its answer cannot be read: {type(error).__name__}") from error
    return [status_reply(backend, one)] * len(messages)


def _with_variables(messages: Sequence[AnymailMessage]) -> AnymailMessage:
    first = messages[0]
    one = AnymailMessage(
        subject="%recipient.subject%",
        body="%recipient.text%",
        from_email=first.from_email,
        to=[message.to[0] for message in messages],
    )
    if first.alternatives:
        one.attach_alternative("%recipient.html%", "text/html")
    one.envelope_sender = first.envelope_sender  # its domain is what counts, and all have the same
    one.track_clicks = one.track_opens = False
    one.merge_data, one.merge_headers, one.merge_metadata = {}, {}, {}
    for message in messages:
        key = address_of(message)
        one.merge_data[key] = {"subject": message.subject, "text": message.body}
        if message.alternatives:
            one.merge_data[key]["html"] = message.alternatives[0][0]
        one.merge_headers[key] = {**message.extra_headers, "Reply-To": ", ".join(message.reply_to)}
        one.merge_metadata[key] = dict(getattr(message, "metadata", None) or {})
    return one


def address_of(message: AnymailMessage) -> str:
    """The address alone, as django-anymail reads it."""
    from anymail.utils import parse_address_list

    return str(parse_address_list(message.to)[0].addr_spec)


def shape_of(message: AnymailMessage) -> tuple[str, bool]:
    """Messages go together that have the same sender and the same kinds of text."""
    return str(message.from_email), bool(message.alternatives)
