"""Access tokens for a mailbox whose service asks for OAuth 2 (RFC 6749) instead of a password.

With a refresh token that somebody once gave us, or, where the service knows programs as such (Microsoft 365), by the program's own
id and secret. A token is kept, encrypted, until shortly before it ends; a new refresh token is stored before it is used.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import requests
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.outreach.models import Inbox
from crm.errors import Unavailable

SECONDS = 10
MAX_ANSWER = 100_000
EARLY = timedelta(minutes=2)  # a round lasts half a minute, and clocks differ
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)


def token_for(inbox: Inbox) -> str:
    """One that is good for this round. Unavailable, with what the service said, when there is none to be had."""
    if inbox.access_token and inbox.access_until and inbox.access_until > timezone.now() + EARLY:
        return inbox.access_token
    answer = _ask(inbox)
    token = answer.get("access_token")
    if not isinstance(token, str) or not token or any(ord(letter) < 33 or ord(letter) > 126 for letter in token):
        raise Unavailable(_("%(where)s gave no token.") % {"where": inbox.token_url}, code="refused")
    values: dict[str, Any] = {
        "access_token": token,
        "access_until": timezone.now() + _lifetime(answer.get("expires_in")),
    }
    renewed = answer.get("refresh_token")
    if inbox.refresh_token and isinstance(renewed, str) and renewed:
        values["refresh_token"] = renewed  # the earlier one may be worthless from now on
    # not those of a mailbox that was set up anew meanwhile
    Inbox.objects.filter(pk=inbox.pk, token_url=inbox.token_url, client_id=inbox.client_id).update(**values)
    for name, value in values.items():
        setattr(inbox, name, value)
    return token


def forget_token(inbox: Inbox) -> None:
    """The mail server refused it: the next try asks for another one."""
    Inbox.objects.filter(pk=inbox.pk).update(access_token="", access_until=None)
    inbox.access_token, inbox.access_until = "", None


def _ask(inbox: Inbox) -> dict[str, Any]:
    asked = {"client_id": inbox.client_id}
    if inbox.client_secret:
        asked["client_secret"] = inbox.client_secret
    if inbox.scope:
        asked["scope"] = inbox.scope
    if inbox.refresh_token:
        asked |= {"grant_type": "refresh_token", "refresh_token": inbox.refresh_token}
    else:
        asked |= {"grant_type": "client_credentials"}
    try:
        with requests.post(
            inbox.token_url, data=asked, timeout=SECONDS, allow_redirects=False, stream=True,
            headers={"Accept": "application/json"},
        ) as response:  # fmt: skip
            body = response.raw.read(MAX_ANSWER, decode_content=True)
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            _("%(where)s, which gives the tokens, does not answer (%(error)s).")
            % {"where": inbox.token_url, "error": type(error).__name__}
        ) from error
    answer = _json(body)
    if status != 200 or "error" in answer:
        said = " ".join(str(answer.get("error_description") or answer.get("error") or f"HTTP {status}").split())
        raise Unavailable(
            _("%(where)s gives no token. It said: “%(said)s”.")
            % {"where": inbox.token_url, "said": said[:160].rstrip(".")},
            code="refused",
        )
    return answer


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lifetime(seconds: Any) -> timedelta:
    try:
        return min(max(timedelta(seconds=int(seconds)), SHORTEST), LONGEST)
    except (TypeError, ValueError, OverflowError):
        return timedelta(minutes=5)
