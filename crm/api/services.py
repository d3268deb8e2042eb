"""Tokens are made, found, used and taken back. Only a keyed hash of one is stored."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.models import ApiToken, KeptAnswer
from crm.api.scopes import READ, SCOPES, offered_to
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed

MARK = "gsw_"  # so that secret scanners, and people, know what they see
PREFIX_LENGTH = len(MARK) + 6
MOST_TOKENS = 50
USED_EVERY = timedelta(minutes=1)  # `last_used_at` is written at most so often
ANSWERS_KEPT = timedelta(hours=24)


def hashes_of(token: str) -> list[bytes]:
    """HMAC-SHA-256 of a token by every key of the ring, the newest first."""
    return [hmac.digest(key, b"api.token\0" + token.encode(), "sha256") for key in settings.TRACKING_KEYS.values()]


def create_token(
    *, user: User, name: str, scopes: Iterable[str], expires_at: datetime | None, actor: User
) -> tuple[ApiToken, str]:
    """Make a token for oneself; returns it and its text, which is shown once and cannot be had again.

    expires_at: aware; None for a token that lasts until it is revoked. Raises Invalid for a scope that would give nothing.
    """
    if actor.pk != user.pk:
        raise NotAllowed(_("A token acts as its user, so only that user can make it."))
    name = " ".join(name.split())[:80]
    if not name:
        raise Invalid(_("Say what the token is for, so that you know which one to revoke."), code="no_name")
    wanted = {READ, *scopes}
    able = {scope.code for scope in offered_to(user)}
    if unknown := sorted(wanted - able):
        raise Invalid(
            _("Your role has no use for the scope “%(scope)s”.") % {"scope": unknown[0]}, code="scope_not_offered"
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(_("The token would have expired already."), code="expired")
    text = MARK + secrets.token_urlsafe(32)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two clicks must not pass the limit together
        if user.api_tokens.filter(revoked_at=None).count() >= MOST_TOKENS:
            raise Invalid(_("You have %(most)s tokens. Revoke one first.") % {"most": MOST_TOKENS}, code="too_many")
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=text[:PREFIX_LENGTH],
            token_hash=hashes_of(text)[0],
            scopes=[code for code in SCOPES if code in wanted],
            expires_at=expires_at,
        )
        changes = [("scopes", None, token.scopes), ("expires_at", None, expires_at)]
        record(verb="apitoken.created", target=token, actor=actor, summary=str(token), changes=changes)
    return token, text


def revoke_token(*, token: ApiToken, actor: User) -> ApiToken:
    """End a token at once. One's own; an administrator may end anybody's. Doing it twice changes nothing."""
    if token.user_id != actor.pk and not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("This token belongs to somebody else."))
    with transaction.atomic():
        token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
        if token.revoked_at is None:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at", "updated_at"])
            record(
                verb="apitoken.revoked", target=token, actor=actor, summary=str(token),
                changes=[("revoked_at", None, token.revoked_at)],
            )  # fmt: skip
    return token


def find_token(text: str) -> ApiToken | None:
    """The token of this text, whatever its state, with its user. What is compared are hashes: nothing to time."""
    if not text.startswith(MARK) or len(text) > 200:
        return None
    return ApiToken.objects.select_related("user").filter(token_hash__in=hashes_of(text)).first()


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember that it was used; at most once a minute, so that a busy integration does not write at each request."""
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def forget_answers(*, now: datetime | None = None) -> int:
    """Delete what an Idempotency-Key no longer repeats; returns how many."""
    gone, _rows = KeptAnswer.objects.filter(claimed_at__lt=(now or timezone.now()) - ANSWERS_KEPT).delete()
    return gone
