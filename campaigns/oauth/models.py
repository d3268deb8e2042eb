"""What a row needs that signs in with a token: where tokens come from, who we are there, and the tokens themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.encryption import EncryptedField
from crm.ids import StampedModel


class SignIn(models.TextChoices):
    PASSWORD = "password", _("with a password")
    TOKEN = "token", _("with a token (OAuth 2)")


class Service(models.TextChoices):
    GOOGLE = "google", _("Google Workspace, Gmail")
    MICROSOFT = "microsoft", _("Microsoft 365")
    OTHER = "other", _("another one")


class Grant(models.TextChoices):
    CONSENT = "consent", _("somebody says yes there, once")
    PROGRAM = "program", _("as itself, by its id and secret")


class SignsIn(StampedModel):
    """Columns of a transport and of a mailbox. `token_count` counts the tokens that were stored: who renews stores only what
    followed from those that it read."""

    SignIn, Service, Grant = SignIn, Service, Grant

    sign_in = models.CharField(max_length=8, choices=SignIn.choices, default=SignIn.PASSWORD, db_default="password")
    token_service = models.CharField(max_length=9, choices=Service.choices, default=Service.GOOGLE, db_default="other")
    token_grant = models.CharField(max_length=7, choices=Grant.choices, default=Grant.CONSENT, db_default="consent")
    token_url = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="where tokens come from"
    )
    consent_url = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="where somebody says yes"
    )
    client_id = models.CharField(max_length=300, blank=True, default="", db_default="")
    client_secret = EncryptedField(blank=True, default="", db_default="")
    scope = models.CharField(max_length=500, blank=True, default="", db_default="")
    refresh_token = EncryptedField(blank=True, default="", db_default="", editable=False)
    access_token = EncryptedField(blank=True, default="", db_default="", editable=False)
    access_until = models.DateTimeField(null=True, blank=True, editable=False)
    token_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    renewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    renewal = models.UUIDField(null=True, editable=False, help_text="the claim of who renews it now")
    renewal_until = models.DateTimeField(null=True, editable=False)
    consented_at = models.DateTimeField(null=True, blank=True, editable=False)
    consent_lost_at = models.DateTimeField(null=True, blank=True, editable=False)
    consent_lost_why = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="the service's words"
    )

    class Meta:
        abstract = True

    @property
    def token_user(self) -> str:
        """The account that tokens are for."""
        raise NotImplementedError

    def after_consent(self, moment: datetime) -> dict[str, Any]:
        """Further columns that change when somebody said yes."""
        return {}

    @property
    def by_token(self) -> bool:
        return self.sign_in == SignIn.TOKEN

    @property
    def needs_consent(self) -> bool:
        """Whether nobody has said yes yet, or the yes was taken back."""
        return self.by_token and self.token_grant == Grant.CONSENT and (not self.refresh_token or self.lost_consent)

    @property
    def lost_consent(self) -> bool:
        return self.by_token and self.consent_lost_at is not None


def token_constraints(name: str) -> list[models.CheckConstraint]:
    """What holds of every row that signs in so."""
    return [
        models.CheckConstraint(
            name=f"{name}_token_comes_from_somewhere",
            condition=~Q(sign_in="token") | (~Q(token_url="") & ~Q(client_id="")),
            violation_error_message=_("Say where tokens come from, and the program’s id there."),
        ),
        models.CheckConstraint(
            name=f"{name}_lost_consent_says_why",
            condition=Q(consent_lost_at__isnull=True, consent_lost_why="")
            | (Q(consent_lost_at__isnull=False) & ~Q(consent_lost_why="")),
        ),
        models.CheckConstraint(
            name=f"{name}_renewal_ends", condition=Q(renewal__isnull=True) | Q(renewal_until__isnull=False)
        ),
    ]
