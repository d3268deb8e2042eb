"""Two-step sign-in: allauth's, with secrets encrypted at rest, and the administrator's say in who must have it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from crm import encryption
from crm.accounts.models import Installation, User
from crm.accounts.session_models import device

NAME = "Groundswell"
PLACE = "mfa_authenticator.data"
SECRETS = ("secret", "seed")  # the keys of that column's JSON that hold one


class TwoStepAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text, place=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text, place=PLACE)

    def get_totp_issuer(self) -> str:
        return Installation.current().name or NAME

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """By BASE_URL, so that a passkey made under one name of the host works under all of them, or under none."""
        return {"id": urlsplit(settings.BASE_URL).hostname or "localhost", "name": NAME}

    def is_mfa_enabled(self, user: AbstractBaseUser, types: Any = None) -> bool:
        """A partner's passkey is a second way in, never a second step: whoever loses the phone still has the code by mail."""
        return not getattr(user, "is_partner", False) and bool(super().is_mfa_enabled(user, types))

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        from allauth.core import context  # the request of now

        return device(context.request.META.get("HTTP_USER_AGENT", ""))

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the last one of somebody whose role must have one."""
        user = User.objects.get(pk=authenticator.user_id)
        others = means_of(user).exclude(pk=authenticator.pk)
        return others.exists() or deadline(user) is None

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That is not the code. Codes change every 30 seconds; type the one that shows now."),
        "cannot_delete_authenticator": _(
            "Your role needs two-step sign-in, and this is your last means. Add another one first."
        ),
    }


def means_of(user: User) -> Any:
    """The authenticator app and passkeys of `user`; recovery codes alone are no second step."""
    return Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)


def deadline(user: User) -> dt.datetime | None:
    """Until when `user` must have set two-step up because of a role; None when no role of theirs needs it.

    The days of grace begin with whichever came last: the rule, or the grant.
    """
    return deadlines([user]).get(user.pk)


def deadlines(users: Iterable[User]) -> dict[int, dt.datetime]:
    """The same for many, by their key, without those whom no rule concerns. Prefetched grants are used as they are."""
    rule = Installation.objects.exclude(two_step_since=None).first()
    if rule is None or rule.two_step_since is None:
        return {}
    found = {}
    for user in users:
        begun = [max(rule.two_step_since, g.created_at) for g in user.grant_rows if g.role in rule.two_step_roles]
        if begun:
            found[user.pk] = min(begun) + dt.timedelta(days=rule.two_step_grace_days)
    return found


def missing_until(user: User) -> dt.datetime | None:
    """The deadline of somebody who has not set two-step up and must; None for everybody else.

    Costs no query for those whose backend knows that they have it or that nobody must.
    """
    if getattr(user, "has_two_step", False) or getattr(user, "two_step_roles", True) in (None, []):
        return None
    return deadline(user)


def must_be_allowed(authenticator: Authenticator) -> None:
    """Raise ValidationError when this one may not be removed."""
    adapter = TwoStepAdapter()
    if not adapter.can_delete_authenticator(authenticator):
        raise ValidationError(adapter.error_messages["cannot_delete_authenticator"])


def reencrypt() -> int:
    """Encrypt every secret of two-step sign-in anew with the first of DATA_KEYS; how many rows. Safe to run twice."""
    changed = 0
    with transaction.atomic():
        for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).select_for_update():
            stored = {key: row.data[key] for key in SECRETS if key in row.data}
            old = {key: text for key, text in stored.items() if not encryption.is_newest(text)}
            if old:
                opened = {key: encryption.decrypt(text, place=PLACE) for key, text in old.items()}
                row.data |= {key: encryption.encrypt(text, place=PLACE) for key, text in opened.items()}
                row.save(update_fields=["data"])
                changed += 1
    return changed
