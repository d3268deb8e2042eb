"""allauth, closed and quiet: staff come by invitation only, and a mail that cannot leave is a message, not an error page."""

from __future__ import annotations

import logging
import smtplib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse

from crm.accounts import partners
from crm.addresses import client_address

logger = logging.getLogger(__name__)
UNKNOWN = "account/email/unknown_account"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """What allauth's limits count by, and its mails name."""
        return client_address(request)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One account, one count. allauth's own key has the Host header in it, whose port everybody may choose."""
        return f"groundswell:{credentials.get('email', '').strip().lower()}"

    def get_reset_password_from_key_url(self, key: str) -> str:
        """By BASE_URL: a link in a mail must not lead where a Host header says."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.BASE_URL + path.replace("UID-KEY", key)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """A partner's account opens the partners' pages."""
        if getattr(request.user, "is_partner", False):
            return reverse("partner_home")
        return str(super().get_login_redirect_url(request))

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        if getattr(request.user, "is_partner", False):
            return reverse("account_request_login_code")
        return str(super().get_logout_redirect_url(request))

    def format_email_subject(self, subject: str) -> str:
        return subject

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send, or note on the request that mail is down, for the view to say.

        A server that refuses this one recipient is not down. Saying so would tell which addresses exist, so it is logged only.
        """
        match = self.request.resolver_match if self.request is not None else None
        if template_prefix == UNKNOWN and match is not None and match.url_name == "account_request_login_code":
            template_prefix = "account/email/unknown_partner"
            if not partners.may_write(email):
                return  # the page says the same, and nobody is written to who asked not to be
        try:
            super().send_mail(template_prefix, email, context)
        except smtplib.SMTPRecipientsRefused as error:
            logger.warning("The mail server refuses the recipient of a sign-in mail: %s", error)
        except (OSError, smtplib.SMTPException) as error:
            logger.error("A sign-in mail could not be sent: %s", error)
            if self.request is not None:
                self.request.mail_failed = True

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the user what was changed of the account; what was changed stands, whether this mail leaves or not."""
        named = {"user": user, **(context or {})}
        super().send_notification_mail(template_prefix, user, named, email or getattr(user, "email", None))


def mail_failed(request: HttpRequest) -> bool:
    """Whether a mail of this request could not be sent because mail is down."""
    return getattr(request, "mail_failed", False)
