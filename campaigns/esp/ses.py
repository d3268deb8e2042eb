"""Amazon SES by its API (v2, SendEmail with a whole message), and what it tells through SNS.

django-anymail's own backend needs Amazon's library, which is larger than all else that we have installed; what it is needed for is a
signature (Signature Version 4). The bytes that leave are those that would by SMTP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from anymail.backends.base_requests import AnymailRequestsBackend, RequestsPayload
from anymail.exceptions import AnymailRequestsAPIError, AnymailWebhookValidationFailure
from anymail.message import AnymailRecipientStatus
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from requests.auth import AuthBase

from campaigns.esp import sns

logger = logging.getLogger(__name__)
SECONDS = 10.0
# Where SNS asks us to say yes: nowhere else is anything fetched from.
_OF_SNS = re.compile(sns.OF_SNS)


def signature(
    *, method: str, url: str, headers: dict[str, str], body: bytes, key_id: str, secret: str, region: str, service: str
) -> str:
    """The Authorization header of a request (AWS Signature Version 4). headers: those that are signed, by their names in lower
    case; `x-amz-date` (20150830T123600Z) among them."""
    parts, moment = urlsplit(url), headers["x-amz-date"]
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(parts.query, True))
    )
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-_.~"),
            query,
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signed = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signed}"


class _Signed(AuthBase):
    """Signs each request when it leaves: a signature is good for some minutes."""

    def __init__(self, key_id: str, secret: str, region: str) -> None:
        self.key_id, self.secret, self.region = key_id, secret, region

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body: Any = request.body or b""
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        url = str(request.url)
        headers = {
            "content-type": str(request.headers["Content-Type"]),
            "host": urlsplit(url).netloc,
            "x-amz-date": moment,
        }
        request.headers["X-Amz-Date"] = moment
        request.headers["Authorization"] = signature(
            method=str(request.method),
            url=url,
            headers=headers,
            body=body if isinstance(body, bytes) else body.encode(),
            key_id=self.key_id,
            secret=self.secret,
            region=self.region,
            service="ses",
        )
        return request


class EmailBackend(AnymailRequestsBackend):
    """In the place of django-anymail's. configuration_set: what SES's events are published by; "" where its identity has one."""

    esp_name = "Amazon SES"

    def __init__(
        self,
        *,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        configuration_set: str = "",
        api_url: str = "",
        **kwargs: Any,
    ) -> None:
        url = api_url or f"https://email.{region}.amazonaws.com/"
        super().__init__(url if url.endswith("/") else f"{url}/", **kwargs)
        self.signed = _Signed(access_key_id, secret_access_key, region)
        self.configuration_set = configuration_set

    def create_session(self) -> requests.Session:
        session: requests.Session = super().create_session()
        session.auth = self.signed
        return session

    def build_message_payload(self, message: Any, defaults: Any) -> _Payload:
        return _Payload(message, defaults, self, headers={"Content-Type": "application/json"})

    def parse_recipient_status(self, response: Any, payload: Any, message: Any) -> dict[str, AnymailRecipientStatus]:
        answer = self.deserialize_json_response(response, payload, message)
        try:
            said = AnymailRecipientStatus(message_id=answer["MessageId"], status="queued")
        except (KeyError, TypeError) as error:
            raise AnymailRequestsAPIError(
                "No MessageId in the answer", email_message=message, payload=payload, response=response, backend=self
            ) from error
        return {each.addr_spec: said for each in payload.everybody}


class _Payload(RequestsPayload):
    """The message as it is, with our id of the delivery in a header that SES gives back with its events."""

    def get_api_endpoint(self) -> str:
        return "v2/email/outbound-emails"

    def init_payload(self) -> None:
        self.everybody: list[Any] = []
        self.ties: dict[str, str] = {}

    def serialize_data(self) -> str:
        raw: bytes = self.message.raw
        if self.ties:
            raw = b"X-Metadata: " + json.dumps(self.ties).encode() + b"\r\n" + raw
        data: dict[str, Any] = {
            "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
            "Destination": {"ToAddresses": [each.format_addr_spec(idna_encode=self.backend.idna_encode) for each in self.everybody]},
        }  # fmt: skip
        if self.backend.configuration_set:
            data["ConfigurationSetName"] = self.backend.configuration_set
        return json.dumps(data)

    def set_recipients(self, recipient_type: str, emails: list[Any]) -> None:
        self.everybody += emails

    def set_metadata(self, metadata: dict[str, str]) -> None:
        self.ties = metadata

    def _stands_there(self, *_args: Any) -> None:
        """The message says it itself."""

    set_from_email = set_subject = set_reply_to = set_extra_headers = set_text_body = set_html_body = _stands_there
    set_attachments = set_alternatives = set_envelope_sender = _stands_there


class TrackingWebhookView(AmazonSESTrackingWebhookView):
    """django-anymail's reading of SNS, without Amazon's library: the one thing that it does with it is to say yes to a subscription.

    And with SNS's signature, which it does not look at.
    """

    def __init__(self, **kwargs: Any) -> None:
        AnymailBaseWebhookView.__init__(self, **kwargs)

    def run_validators(self, request: Any) -> None:
        """The password first: who does not know it makes us fetch nothing."""
        super().run_validators(request)
        try:
            sns.verify(self._parse_sns_message(request))
        except sns.Unsigned as unsigned:
            logger.warning("A call of Amazon SNS is refused: %s", unsigned)
            raise AnymailWebhookValidationFailure(str(unsigned)) from unsigned

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Its call knew our password, and leads to SNS: then it is the one that was made for us."""
        url = str(sns_message.get("SubscribeURL", ""))
        parts = urlsplit(url)
        if parts.scheme != "https" or not _OF_SNS.fullmatch(parts.netloc):
            raise AnymailWebhookValidationFailure("The subscription leads to somewhere else than SNS")
        requests.get(url, timeout=SECONDS, allow_redirects=False).raise_for_status()


# What is wrong with the account, not with one message.
_LETS_NOBODY_IN = frozenset(
    (
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "SendingPausedException",
        "TooManyRequestsException",
    )
)


def lets_nobody_in(response: Any) -> str:
    """Why SES takes nothing from us now; empty when its answer is about the message."""
    kind = str(getattr(response, "headers", {}).get("x-amzn-ErrorType", "")).partition(":")[0]
    return kind if kind in _LETS_NOBODY_IN else ""
