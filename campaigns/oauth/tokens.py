"""Access tokens: kept until shortly before they end, and renewed by one at a time, however many workers need one.

A service may give a new refresh token with each access token, and take the earlier one no more. So whoever renews holds a claim
that lasts longer than a call can, reads the refresh token after it has the claim, and commits what came before anybody uses it.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.oauth.asking import ConsentLost, ask, lost_words
from campaigns.oauth.models import Grant, SignsIn
from crm.errors import Unavailable

logger = logging.getLogger(__name__)
EARLY = timedelta(minutes=3)  # a run of a worker lasts half a minute, clocks differ, and one round of renewing may fail
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)
CLAIM = timedelta(seconds=60)  # a call ends within 40 s
PATIENCE_SECONDS, LOOK_SECONDS = 20.0, 0.2  # for whom another one renews
STORING_TRIES, STORING_WAIT = 8, 1.0
# A refresh token that nobody uses ends by itself at some services, and a withdrawn consent should not be found out by a mailing.
UNUSED = timedelta(hours=20)
_READ = (
    "sign_in", "token_url", "client_id", "client_secret", "scope", "token_grant", "refresh_token", "access_token", "access_until",
    "token_count", "renewal", "renewal_until", "consent_lost_at", "consent_lost_why",
)  # fmt: skip


def token_for(row: SignsIn, *, again: bool = False) -> str:
    """One that is good for some minutes. ConsentLost or Unavailable, with what the service said, when there is none to be had.

    Never within a transaction: what a service gave must be kept, whatever else fails. again: ask also where the consent counts as
    lost, because somebody tries it by hand.
    """
    if _is_good(row, EARLY):
        return row.access_token
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        row.refresh_from_db(fields=_READ)
        if _is_good(row, EARLY):
            return row.access_token
        _refuse_hopeless(row, again=again)
        if claim := _claim(row):
            return _renew(row, claim)
        if _is_good(row, timedelta(seconds=45)):
            return row.access_token  # it lasts for this run, and somebody is at the next one
        if time.monotonic() > until:
            raise Unavailable(
                _("A token for %(user)s is being asked for, and does not come. It is tried again by itself.")
                % {"user": row.token_user}
            )
        time.sleep(LOOK_SECONDS)


def forget_token(row: SignsIn) -> None:
    """The mail server refused it: the next try asks for another one. One that was renewed meanwhile is kept."""
    rows = type(row)._default_manager.filter(pk=row.pk, token_count=row.token_count)
    rows.update(access_token="", access_until=None)
    row.access_token, row.access_until = "", None


def renew_unused(model: type[SignsIn], *, now: datetime | None = None) -> int:
    """Renew what nobody used for most of a day; returns how many. Each failure stands with its row."""
    moment = now or timezone.now()
    everything: Any = model._default_manager  # the models have archived_at each
    rows = everything.filter(
        sign_in=SignsIn.SignIn.TOKEN, token_grant=Grant.CONSENT, archived_at__isnull=True, consent_lost_at__isnull=True,
        renewed_at__lt=moment - UNUSED,
    )  # fmt: skip
    renewed = 0
    for row in rows.order_by("pk")[:50]:
        try:
            if row.refresh_token and (claim := _claim(row)):
                row.refresh_from_db(fields=_READ)
                _renew(row, claim)
                renewed += 1
        except Unavailable as error:
            logger.warning("%s %s: no token: %s", row._meta.model_name, row.pk, error.code)
    return renewed


# --- parts --------------------------------------------------------------------------------------------------------------
def _is_good(row: SignsIn, margin: timedelta) -> bool:
    return bool(row.access_token and row.access_until and row.access_until > timezone.now() + margin)


def _refuse_hopeless(row: SignsIn, *, again: bool) -> None:
    """What no question can mend."""
    if row.token_grant == Grant.CONSENT and not row.refresh_token:
        raise ConsentLost(_("Nobody has signed in there yet, so there is no token."), said="")
    if row.consent_lost_at and not again:
        host = urlsplit(row.token_url).hostname or row.token_url
        raise ConsentLost(lost_words(host, row.consent_lost_why), said=row.consent_lost_why)


def _claim(row: SignsIn) -> uuid.UUID | None:
    """None when somebody else renews it."""
    claim, now = uuid.uuid4(), timezone.now()
    with transaction.atomic(durable=True):
        free = type(row)._default_manager.filter(pk=row.pk, token_count=row.token_count)
        free = free.filter(renewal__isnull=True) | free.filter(renewal_until__lte=now)
        taken = free.update(renewal=claim, renewal_until=now + CLAIM)
    return claim if taken else None


def _renew(row: SignsIn, claim: uuid.UUID) -> str:
    """Ask, keep, and only then give it out. `row` is as it was read at the claim: its count says so."""
    mine = type(row)._default_manager.filter(pk=row.pk, token_count=row.token_count)
    try:
        asked = {"client_id": row.client_id}
        if row.client_secret:
            asked["client_secret"] = row.client_secret
        if row.token_grant == Grant.PROGRAM:
            asked |= {"grant_type": "client_credentials"} | ({"scope": row.scope} if row.scope else {})
        else:
            # without a scope: all that was consented to (RFC 6749, 6)
            asked |= {"grant_type": "refresh_token", "refresh_token": row.refresh_token}
        values = values_of(ask(row.token_url, asked), refresh_token=row.refresh_token, host=row.token_url)
    except ConsentLost as lost:
        if row.token_grant == Grant.CONSENT:
            why = str(lost.data.get("said") or "?")[:200]
            mine.update(consent_lost_at=timezone.now(), consent_lost_why=why)
            logger.warning("%s %s: the consent is withdrawn or has ended", row._meta.model_name, row.pk)
        mine.filter(renewal=claim).update(renewal=None, renewal_until=None)
        raise
    except BaseException:
        mine.filter(renewal=claim).update(renewal=None, renewal_until=None)
        raise
    # also where the claim is over meanwhile: what the service gave last is what counts, as long as nobody stored anything since
    values |= {"token_count": row.token_count + 1, "renewal": None, "renewal_until": None}
    values |= {"consent_lost_at": None, "consent_lost_why": ""}
    _store(mine, values)
    for name, value in values.items():
        setattr(row, name, value)
    return row.access_token


def _store(rows: Any, values: dict[str, Any]) -> None:
    """Nobody has it but this process: a database that restarts is waited for."""
    for number in range(STORING_TRIES):
        try:
            with transaction.atomic(durable=True):
                rows.update(**values)
            return
        except DatabaseError:
            if number == STORING_TRIES - 1:
                raise
            logger.warning("a token could not be stored, it is tried again")
            if not connection.in_atomic_block:
                connection.close()
            time.sleep(STORING_WAIT)


def values_of(answer: dict[str, Any], *, refresh_token: str, host: str) -> dict[str, Any]:
    """Columns from a service's answer (RFC 6749, 5.1); a refresh token that it does not name stays what it is."""
    token, renewed = answer.get("access_token"), answer.get("refresh_token")
    if not _is_word(token):
        raise Unavailable(_("%(where)s gave no token.") % {"where": urlsplit(host).hostname or host}, code="refused")
    now = timezone.now()
    return {
        "access_token": token,
        "access_until": now + _lifetime(answer.get("expires_in")),
        "refresh_token": renewed if _is_word(renewed) else refresh_token,
        "renewed_at": now,
    }


def _is_word(token: Any) -> bool:
    return isinstance(token, str) and 0 < len(token) < 20_000 and all(33 <= ord(letter) <= 126 for letter in token)


def _lifetime(seconds: Any) -> timedelta:
    try:
        return min(max(timedelta(seconds=int(seconds)), SHORTEST), LONGEST)
    except (TypeError, ValueError, OverflowError):
        return timedelta(minutes=5)
