"""Consent by the authorization code grant (RFC 6749, 4.1) with PKCE (RFC 7636).

Nothing is stored while somebody is away at the service: the state is signed, ends, and opens only in the session and for the user
that it was made for; the verifier follows from the state and the session, and only we can work it out.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from campaigns.oauth.asking import ask
from campaigns.oauth.catalogue import extra_of
from campaigns.oauth.models import SignsIn
from campaigns.oauth.tokens import values_of
from crm.accounts.models import User
from crm.audit.services import Change, record
from crm.errors import Invalid, Unavailable

MINUTES = 15
_SALT = "campaigns.oauth.state"


@dataclass(frozen=True)
class Asked:
    """What a state says. nonce: of this one try."""

    kind: str
    uid: str
    nonce: str


def redirect_uri() -> str:
    """The address that is registered at the service."""
    return str(settings.BASE_URL).rstrip("/") + reverse("consent_back")


def host_of(url: str) -> str:
    return urlsplit(url).hostname or url


def new_state(kind: str, uid: str, *, session: str) -> str:
    return signing.dumps([kind, uid, secrets.token_urlsafe(16)], salt=_salt(session))


def read_state(state: str, *, session: str) -> Asked:
    """Invalid for one of another session, a changed one, and one that is too old."""
    try:
        kind, uid, nonce = signing.loads(state, salt=_salt(session), max_age=MINUTES * 60)
    except (signing.BadSignature, ValueError, TypeError):
        raise Invalid(
            _(
                "This answer belongs to no sign-in that you began here in the last minutes. Nothing was kept; begin again."
            ),
            code="state",
        ) from None
    return Asked(str(kind), str(uid), str(nonce))


def _salt(session: str) -> str:
    return f"{_SALT}:{session}"


def verifier_of(asked: Asked, *, session: str) -> str:
    """43 characters (RFC 7636, 4.1)."""
    mac = salted_hmac("campaigns.oauth.verifier", f"{session}:{asked.nonce}", algorithm="sha256").digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def consent_address(row: SignsIn, state: str, *, session: str) -> str:
    """Where somebody is sent to say yes."""
    verifier = verifier_of(read_state(state, session=session), session=session)
    parts = urlsplit(row.consent_url)
    asked = dict(parse_qsl(parts.query)) | {
        "response_type": "code",
        "client_id": row.client_id,
        "redirect_uri": redirect_uri(),
        "scope": row.scope,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    asked |= dict(extra_of(row.token_service)) | ({"login_hint": row.token_user} if row.token_user else {})
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in asked.items() if value})))


def keep_consent(row: SignsIn, *, code: str, asked: Asked, session: str, actor: User) -> None:
    """Exchange the code and keep what came. Unavailable, with the reason, when that is not enough to send by."""
    question = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(),
        "client_id": row.client_id,
        "code_verifier": verifier_of(asked, session=session),
    }
    if row.client_secret:
        question["client_secret"] = row.client_secret
    values = values_of(ask(row.token_url, question), refresh_token="", host=row.token_url)
    if not values["refresh_token"]:
        raise Unavailable(
            _(
                "%(where)s let us in for an hour only: it gave no refresh token, so nothing was kept. Ask for the scope that allows it"
                " (often offline_access), or take Groundswell off the account’s list of programs and begin again."
            )
            % {"where": host_of(row.token_url)},
            code="no_refresh_token",
        )
    with transaction.atomic():
        fresh = type(row)._default_manager.select_for_update().get(pk=row.pk)
        if (fresh.token_url, fresh.client_id) != (row.token_url, row.client_id):
            raise Invalid(_("The settings were changed meanwhile, so nothing was kept. Begin again."), code="changed")
        values["consented_at"] = timezone.now()
        _put(fresh, values | fresh.after_consent(values["consented_at"]))
        record(verb=f"{row._meta.model_name}.consented", target=fresh, actor=actor, changes=_changes(fresh))
    row.refresh_from_db()


def forget_consent(row: SignsIn, *, actor: User) -> None:
    """Drop the tokens. What the service knows of its yes is taken back there."""
    with transaction.atomic():
        fresh = type(row)._default_manager.select_for_update().get(pk=row.pk)
        if not (fresh.refresh_token or fresh.access_token):
            return
        _put(fresh, NOTHING)
        record(verb=f"{row._meta.model_name}.consent_forgotten", target=fresh, actor=actor)


NOTHING: dict[str, Any] = {
    "refresh_token": "",
    "access_token": "",
    "access_until": None,
    "renewed_at": None,
    "consented_at": None,
}
_OF_A_CONSENT = ("refresh_token", "access_token", "access_until", "renewed_at", "consented_at")
_KEPT = (*_OF_A_CONSENT, "token_count", "renewal", "renewal_until", "consent_lost_at", "consent_lost_why")
_BELONGS_TO = ("sign_in", "token_grant", "token_url", "client_id", "scope", "token_user")


def _put(fresh: SignsIn, values: dict[str, Any]) -> None:
    """In the caller's transaction, which holds the row: who renews just now stores nothing over it."""
    values = values | {
        "token_count": fresh.token_count + 1, "renewal": None, "renewal_until": None, "consent_lost_at": None, "consent_lost_why": "",
    }  # fmt: skip
    for name, value in values.items():
        setattr(fresh, name, value)
    fresh.save(update_fields=[*values, "updated_at"])


def _changes(fresh: SignsIn) -> list[Change]:
    return [("consented_at", None, fresh.consented_at)]


def carry_tokens(row: SignsIn, before: SignsIn | None) -> None:
    """Before a changed row is saved: it gets the tokens as they are stored now, or none where they were for another account or program.

    before: the stored row, locked.
    """
    if before is None or any(getattr(before, name) != getattr(row, name) for name in _BELONGS_TO):
        for name, value in NOTHING.items():
            setattr(row, name, value)
        row.token_count = before.token_count + 1 if before else 0
        row.renewal, row.renewal_until, row.consent_lost_at, row.consent_lost_why = None, None, None, ""
    else:
        for name in _KEPT:
            setattr(row, name, getattr(before, name))
        if row.client_secret != before.client_secret:  # a token of the secret before may be worthless
            row.access_token, row.access_until = "", None
            row.token_count += 1
