"""allauth, closed: staff come by invitation only, and a mail that cannot leave is a message, not an error page."""

import logging
import smtplib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, smtplib.SMTPException) as error:
            logger.error("A sign-in mail could not be sent: %s", error)
            if self.request is not None:
                messages.error(
                    self.request,
                    _(
                        "The mail could not be sent, because the mail server does not answer. Try again later, or ask an administrator."
                    ),
                )
