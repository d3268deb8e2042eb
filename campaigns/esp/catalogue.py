"""The mailing services that django-anymail speaks to, what each needs to know, and what it must be told at its own screens.

Amazon SES has a backend of ours (`ses.py`): django-anymail's needs Amazon's library. SendGrid is still in django-anymail, which says that it
cannot try it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Setting:
    """One value that a service gives to its customers. name: django-anymail's."""

    name: str
    label: StrOrPromise
    help: StrOrPromise = ""
    is_secret: bool = True
    is_required: bool = True
    of_events: bool = False  # for reading its events, not for sending


@dataclass(frozen=True)
class Service:
    """code: as stored, and the name of django-anymail's module; ties: where it carries our id of a delivery and back."""

    code: str
    name: str
    host: str  # where its customers sign in
    settings: tuple[Setting, ...]
    events: str = ""  # django-anymail's view of its events; empty: it sends none
    spf: str = ""  # what a sender's SPF includes for it
    ties: str = "metadata"
    needs_api_url: bool = False
    module: str = ""  # of ours, instead of django-anymail's two

    def backend(self) -> Any:
        return import_string(f"{self.module or f'anymail.backends.{self.code}'}.EmailBackend")

    def event_view(self) -> Any:
        return import_string(f"{self.module or f'anymail.webhooks.{self.code}'}.{self.events}") if self.events else None

    @property
    def all_settings(self) -> tuple[Setting, ...]:
        return (*self.settings, Setting(API_URL, _("API address"), _API_HELP, False, self.needs_api_url))


API_URL = "api_url"
_API_HELP = _("Only where the service tells you another one, for instance for customers in the European Union.")
_KEY = Setting("api_key", _("API key"))
_TOKEN = Setting("api_token", _("API token"))


def _signing(name: str, label: StrOrPromise, *, required: bool = False) -> Setting:
    return Setting(
        name,
        label,
        _("The service shows it where you tell it our address for events."),
        is_required=required,
        of_events=True,
    )


_ALL = (
    Service(
        "amazon_ses",
        "Amazon SES",
        "aws.amazon.com",
        (
            Setting("access_key_id", _("Access key ID"), _("Of a user who may do ses:SendEmail."), is_secret=False),
            Setting("secret_access_key", _("Secret access key")),
            Setting("region", _("Region"), _("Where your sender's domain is verified, such as eu-west-1."), False),
            Setting(
                "configuration_set",
                _("Configuration set"),
                _("The one that publishes events to SNS, headers included. Empty: the domain's own."),
                False,
                False,
            ),
        ),
        "TrackingWebhookView",
        "amazonses.com",
        module="campaigns.esp.ses",
    ),
    Service("brevo", "Brevo", "brevo.com", (_KEY,), "BrevoTrackingWebhookView", "spf.brevo.com"),
    Service(
        "mailersend",
        "MailerSend",
        "mailersend.com",
        (_TOKEN, _signing("signing_secret", _("Signing secret"))),
        "MailerSendTrackingWebhookView",
        "_spf.mailersend.net",
        ties="tags",
    ),
    Service(
        "mailgun",
        "Mailgun",
        "mailgun.com",
        (
            _KEY,
            Setting("sender_domain", _("Sending domain"), _("As Mailgun knows it. Empty: the sender's."), False, False),
            _signing("webhook_signing_key", _("HTTP webhook signing key")),
        ),
        "MailgunTrackingWebhookView",
        "mailgun.org",
    ),
    Service(
        "mailjet",
        "Mailjet",
        "mailjet.com",
        (_KEY, Setting("secret_key", _("Secret key"))),
        "MailjetTrackingWebhookView",
        "spf.mailjet.com",
    ),
    Service(
        "mailtrap",
        "Mailtrap",
        "mailtrap.io",
        (_TOKEN, _signing("tracking_secret", _("Webhook signature key"))),
        "MailtrapTrackingWebhookView",
        "_spf.smtp.mailtrap.live",
    ),
    Service(
        "mandrill",
        "Mailchimp Transactional (Mandrill)",
        "mailchimp.com",
        (_KEY, _signing("webhook_key", _("Webhook key"))),
        "MandrillCombinedWebhookView",
        "spf.mandrillapp.com",
    ),
    Service(
        "postal",
        "Postal",
        "postalserver.io",
        (
            Setting("api_key", _("API key"), _("A credential of the kind API of your mail server.")),
            Setting(
                "webhook_key",
                _("Webhook key"),
                _("The public key that its page of webhooks shows, on one line, without its first and last line."),
                is_required=False,
                of_events=True,
            ),
        ),
        "PostalTrackingWebhookView",
        ties="tags",
        needs_api_url=True,
    ),
    Service(
        "postmark",
        "Postmark",
        "postmarkapp.com",
        (
            Setting("server_token", _("Server API token")),
            Setting(
                "message_stream",
                _("Message stream"),
                _("A broadcast stream for mailings. Empty: the server's transactional one."),
                False,
                False,
            ),
        ),
        "PostmarkTrackingWebhookView",
        "spf.mtasv.net",
    ),
    Service("resend", "Resend", "resend.com", (_KEY,), "ResendTrackingWebhookView", "amazonses.com"),
    Service(
        "scaleway",
        "Scaleway",
        "scaleway.com",
        (
            Setting("secret_key", _("Secret key")),
            Setting("project_id", _("Project"), is_secret=False),
            Setting("region", _("Region"), _("Empty: fr-par."), False, False),
        ),
        spf="_spf.tem.scaleway.com",
    ),
    Service(
        "sendgrid",
        "SendGrid",
        "sendgrid.com",
        (_KEY, _signing("tracking_webhook_verification_key", _("Verification key"))),
        "SendGridTrackingWebhookView",
        "sendgrid.net",
    ),
    Service("sparkpost", "SparkPost", "sparkpost.com", (_KEY,), "SparkPostTrackingWebhookView", "sparkpostmail.com"),
    Service(
        "unisender_go", "Unisender Go", "go.unisender.ru", (_KEY,), "UnisenderGoTrackingWebhookView", needs_api_url=True
    ),
)
SERVICES = {service.code: service for service in _ALL}
