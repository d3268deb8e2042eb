"""What is written, who sends it, and who approved what."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.states import State
from campaigns.oauth.models import SignsIn, token_constraints
from campaigns.planning.models import Drive
from contacts.directory.models import NamedModel
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.encryption import EncryptedField
from crm.ids import StampedModel, UidModel


def in_language(texts: dict[str, str], language: str) -> str:
    """The text in a language, without its region, in English, else the first there is."""
    found = (texts.get(code) for code in (language, language.split("-")[0], "en"))
    return next((text for text in found if text), next(iter(texts.values()), ""))


class Sender(StampedModel):
    """Whom a mailing comes from. Replies come back to us, are logged, then forwarded to `reply_to`."""

    name = models.CharField(max_length=120)
    email = models.EmailField()
    reply_to = models.EmailField(
        blank=True, default="", help_text="where replies are forwarded; empty: to the address itself"
    )
    per_second = models.PositiveIntegerField(
        null=True, blank=True, help_text="messages a second in its name; empty for no limit"
    )
    # what its letters say around their text; {language: text}
    signatures = models.JSONField(default=dict, blank=True)
    places = models.JSONField(default=dict, blank=True, help_text="where letters are dated from, such as Geneva")
    reference_pattern = models.CharField(max_length=80, blank=True, default="", help_text="empty: no reference")
    archived_at = models.DateTimeField(null=True, blank=True)
    # what was proven is an address, not the row: a sender whose address changes is unproven by itself
    confirmed_email = models.EmailField(blank=True, default="", editable=False, help_text="the address that was proven")
    confirmed_at = models.DateTimeField(null=True, editable=False)
    confirmation_sent_at = models.DateTimeField(null=True, editable=False)
    confirmation_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), "name", name="sender_once"),
            models.CheckConstraint(
                name="sender_confirmed_with_its_time",
                condition=Q(confirmed_email="", confirmed_at__isnull=True)
                | (~Q(confirmed_email="") & Q(confirmed_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    @property
    def is_confirmed(self) -> bool:
        """Whether whoever reads this very address said yes."""
        return self.confirmed_email != "" and self.confirmed_email.lower() == self.email.lower()

    def signature_in(self, language: str) -> str:
        return in_language(self.signatures, language)

    def place_in(self, language: str) -> str:
        return in_language(self.places, language)


class Transport(SignsIn):
    """A road out. `url` is smtp://…; empty means the installation's own EMAIL_URL. A mailing service has its settings instead."""

    class Kind(models.TextChoices):
        LOCAL = "local", _("local mailbox")
        SMTP = "smtp", _("SMTP")
        SERVICE = "service", _("mailing service")

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SMTP)
    url = EncryptedField(blank=True, default="")  # a password may stand in it
    service = models.CharField(max_length=20, blank=True, default="", help_text="a code of campaigns/esp/catalogue.py")
    service_settings = EncryptedField(blank=True, default="", help_text="JSON: the service's own names → values")
    is_default = models.BooleanField(default=False)
    takes_own_mail = models.BooleanField(default=False, db_default=False, help_text="see campaigns/mailings/ownmail.py")
    max_connections = models.PositiveSmallIntegerField(default=4)
    per_second = models.PositiveIntegerField(null=True, blank=True, help_text="messages a second; empty for no limit")
    messages_per_connection = models.PositiveIntegerField(
        null=True, blank=True, default=1000, db_default=1000, help_text="then another one is made; empty for no limit"
    )
    leaves_from = models.TextField(
        blank=True, default="", help_text="as receivers see it: addresses, servers' names, include:…; empty: its host"
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="connections failed in a row")
    open_until = models.DateTimeField(null=True, blank=True, help_text="circuit breaker: no try before this time")
    last_error = models.CharField(max_length=300, blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_default"], name="transport_one_default", condition=Q(is_default=True)),
            models.UniqueConstraint(
                fields=["takes_own_mail"], name="transport_one_own_mail", condition=Q(takes_own_mail=True)
            ),
            models.CheckConstraint(
                name="transport_archived_takes_no_own_mail",
                condition=Q(takes_own_mail=False) | Q(archived_at__isnull=True),
            ),
            models.CheckConstraint(
                name="transport_service_is_named",
                condition=Q(kind="service") & ~Q(service="") | ~Q(kind="service") & Q(service=""),
            ),
            models.CheckConstraint(name="transport_carries_messages", condition=Q(messages_per_connection__gte=1)),
            *token_constraints("transport"),
            models.CheckConstraint(
                name="transport_token_is_for_a_mail_server", condition=~Q(sign_in="token") | Q(kind="smtp")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def token_user(self) -> str:
        return unquote(urlsplit(self.url).username or "")

    def after_consent(self, moment: datetime) -> dict[str, Any]:
        """What rests is tried at the next round."""
        return {"open_until": moment} if self.open_until else {}

    @property
    def settings_of_service(self) -> dict[str, str]:
        return dict(json.loads(self.service_settings)) if self.service_settings else {}


class MailingQuerySet(SearchMixin, models.QuerySet["Mailing"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Mailings of drives that the user's grants for `action` reach. Messages to one person are no mailings to anybody who looks
        for those: they stand in the log."""
        rows = self.filter(is_personal=False)
        return (
            rows if user.scope(action).is_everything else rows.filter(drive__in=Drive.objects.visible_to(user, action))
        )

    def with_parts(self) -> Self:
        """With all that a page or an answer about one mailing names, in the same query."""
        return self.select_related(
            "drive__campaign",
            "segment",
            "sender",
            "topic",
            "transport",
            "copies_to",
            "answers_of",
            "written_by",
            "approval__approved_by",
        )


class Mailing(NamedModel, StampedModel):
    """One mailing, from draft to finished. The content counts its changes in `content_version`."""

    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="mailings")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    state_reason = models.CharField(
        max_length=300, blank=True, default="", help_text="why it is held or paused, in plain words"
    )
    late_since = models.DateTimeField(
        null=True, editable=False, help_text="nothing of it could leave since: paused, until an approver resumes it"
    )
    content_version = models.PositiveIntegerField(default=1)
    segment = models.ForeignKey(
        "contacts.Segment", null=True, blank=True, on_delete=models.PROTECT, related_name="mailings"
    )
    sender = models.ForeignKey(Sender, null=True, blank=True, on_delete=models.PROTECT, related_name="mailings")
    topic = models.ForeignKey(
        "contacts.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="mailings"
    )
    transport = models.ForeignKey(Transport, null=True, blank=True, on_delete=models.PROTECT, related_name="mailings")
    layout = models.CharField(max_length=40, default="plain")
    reference_pattern = models.CharField(max_length=80, blank=True, default="", help_text="empty: the sender's")
    # resolved when it is frozen, see campaigns/mailings/references.py
    reference_stem = models.CharField(max_length=120, blank=True, default="")
    reference_digits = models.PositiveSmallIntegerField(default=1)
    fallback_languages = ArrayField(
        models.CharField(max_length=8), default=list, blank=True, help_text="in order, when a person's own is missing"
    )
    # a future moment keeps local time, zone and computed UTC; an empty time means "when somebody presses Send now"
    send_local = models.DateTimeField(null=True, blank=True, help_text="wall clock in send_zone, stored as if UTC")
    send_zone = models.CharField(max_length=64, default="UTC")
    send_at = models.DateTimeField(null=True, blank=True)
    # when each may get it where they are, see campaigns/mailings/hours.py
    sends_local = models.BooleanField(default=False, help_text="send_local is the wall clock where each recipient is")
    hours_from = models.TimeField(null=True, blank=True, help_text="nobody gets it earlier in their day")
    hours_until = models.TimeField(null=True, blank=True)
    skips_weekends = models.BooleanField(default=False, help_text="of the recipient's country")
    skips_holidays = models.BooleanField(default=False, help_text="national ones, of the recipient's country")
    max_lateness = models.DurationField(default=timedelta(hours=4))
    contact_guard_days = models.PositiveSmallIntegerField(
        default=3, help_text="skip whoever was mailed within so many days; 0 for none"
    )
    copies_to = models.ForeignKey(
        "contacts.Constituency", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="whose institution in the recipient's country gets a visible copy",
    )  # fmt: skip
    answers_of = models.ForeignKey(
        "campaigns.Form", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="the form (an event's or a network's too) whose answers its texts may name",
    )  # fmt: skip
    is_personal = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="from one to one, see campaigns/personal: no audience to approve",
    )
    tracks_people = models.BooleanField(default=True, help_text="off: totals only, for everybody")
    resends_uncertain = models.BooleanField(default=True)
    # the scope that it was built with: freeze and approver see the same
    scope_countries = ArrayField(models.CharField(max_length=2), null=True, blank=True, help_text="null for all")
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="mailings_written"
    )
    edited_since_approval = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="ids of users")
    review_asked_at = models.DateTimeField(null=True)
    review_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    review_snapshot = models.JSONField(default=dict, help_text="what stood there when review was asked for")
    approval = models.ForeignKey("campaigns.Approval", null=True, on_delete=models.SET_NULL, related_name="+")
    stop_until = models.DateTimeField(null=True, help_text="nothing leaves before: the 30-second window to stop")
    frozen_at = models.DateTimeField(null=True)
    frozen_with = models.JSONField(
        default=dict, help_text="compiled content by variant id, as approved; what workers render"
    )
    audience_count = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = MailingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "send_at"], name="mailing_due"),
            models.Index(fields=["-created_at", "-id"], name="mailing_order"),
            GinIndex(fields=["search_text"], name="mailing_search", opclasses=["gin_trgm_ops"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reference_stem"], name="mailing_reference_once", condition=~Q(reference_stem="")
            ),
            models.CheckConstraint(name="mailing_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="mailing_past_draft_is_complete",
                condition=Q(state__in=["draft", "cancelled"])
                | Q(segment__isnull=False, sender__isnull=False, topic__isnull=False, transport__isnull=False)
                | Q(is_personal=True, sender__isnull=False, topic__isnull=False, transport__isnull=False),
            ),
            models.CheckConstraint(
                name="mailing_scheduled_has_send_at", condition=~Q(state="scheduled") | Q(send_at__isnull=False)
            ),
            models.CheckConstraint(
                name="mailing_approved_has_approval",
                condition=~Q(state__in=["approved", "scheduled", "freezing", "held", "sending", "paused", "finished"])
                | Q(approval__isnull=False)
                | Q(is_personal=True),
            ),
            models.CheckConstraint(
                name="mailing_frozen_has_audience",
                condition=~Q(state__in=["sending", "paused", "finished"])
                | Q(audience_count__isnull=False, frozen_at__isnull=False),
            ),
            models.CheckConstraint(
                name="mailing_local_has_its_time", condition=Q(sends_local=False) | Q(send_local__isnull=False)
            ),
            models.CheckConstraint(
                name="mailing_hours_begin_before_they_end",
                condition=Q(hours_from__isnull=True, hours_until__isnull=True)
                | Q(hours_from__isnull=False, hours_until__isnull=False, hours_until__gt=F("hours_from")),
            ),
            models.CheckConstraint(
                name="mailing_halted_says_why", condition=~Q(state__in=["held", "paused"], state_reason="")
            ),
            models.CheckConstraint(
                name="mailing_late_is_paused", condition=Q(late_since__isnull=True) | Q(state="paused")
            ),
        ]


class Variant(UidModel):
    """One language of a mailing."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="variants")
    language = models.CharField(max_length=8)
    subject = models.CharField(max_length=250, blank=True, default="")
    preheader = models.CharField(max_length=250, blank=True, default="")
    body_html = models.TextField(blank=True, default="", help_text="the editor's HTML with merge fields")
    text = models.TextField(blank=True, default="", help_text="plain text part; made from the body unless is_text_own")
    is_text_own = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["mailing", "language"], name="variant_once_per_language")]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.language}"


class Attachment(UidModel):
    """A file that a mailing carries, in one language or in all; the content is stored once (`campaigns/files`)."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="attachments")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=8, blank=True, default="", help_text="empty: with every language")
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "language", "name"], name="attachment_once_per_language")
        ]

    def __str__(self) -> str:
        return self.name


class Approval(UidModel):
    """An approver's yes to exactly one content, audience rule and count."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="approvals")
    content_hash = models.CharField(max_length=64, help_text="SHA-256, see campaigns/mailings/approval.py")
    snapshot = models.JSONField(default=dict, help_text="what was hashed, to show what changed")
    audience_count = models.PositiveIntegerField(help_text="people who would get it, when approved")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    approved_at = models.DateTimeField(auto_now_add=True)
    lapsed_at = models.DateTimeField(null=True, help_text="when an edit made it void")

    class Meta:
        ordering = ["-approved_at"]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.content_hash[:12]}"


class MailingTest(models.Model):
    """A test send to oneself."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="tests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    language = models.CharField(max_length=8)
    content_version = models.PositiveIntegerField()
    sent_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.mailing_id} to {self.user_id}"
