"""Hits, kept raw by month, and what screens and segments read, kept apart."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class HitClass(models.TextChoices):
    HUMAN = "human", _("human")
    MACHINE = "machine", _("machine")
    UNKNOWN = "unknown", _("unknown")


class HitKind(models.TextChoices):
    OPEN = "open", _("open")
    CLICK = "click", _("click")


class TrackedLink(models.Model):
    """A link of a mailing as written; the address in the mail carries the destination itself, so this is for reports."""

    mailing_id = models.BigIntegerField()
    number = models.SmallIntegerField(help_text="1… in order over all variants; 0 is the honeypot")
    url = models.TextField()
    label = models.CharField(max_length=200, blank=True, default="")
    languages = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailing_id", "number"], name="tracked_link_once")]

    def __str__(self) -> str:
        return self.url


class Engagement(models.Model):
    """One open or click. Partitioned by month (migration 0002). seq is NULL for people who are not tracked."""

    pk = models.CompositePrimaryKey("at", "hit_id")
    hit_id = models.UUIDField(help_text="minted by track: makes the drain idempotent")
    at = models.DateTimeField()
    mailing_id = models.BigIntegerField()
    seq = models.IntegerField(null=True)
    kind = models.CharField(max_length=5, choices=HitKind.choices)
    link_number = models.SmallIntegerField(null=True)
    hit_class = models.CharField(max_length=7, choices=HitClass.choices)
    reason = models.CharField(max_length=40)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True, default="")
    batch_id = models.BigIntegerField(null=True, help_text="the drain that wrote it last; its place in the feed")

    class Meta:
        managed = False
        db_table = "engagement"

    def __str__(self) -> str:
        return f"{self.kind} {self.mailing_id}/{self.seq}"


class DeliveryEngagement(models.Model):
    """Per delivery: first human click, counts by class."""

    pk = models.CompositePrimaryKey("mailing_id", "seq")
    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    person_id = models.BigIntegerField(null=True)
    first_click_at = models.DateTimeField(null=True, help_text="human")
    human_clicks = models.IntegerField(default=0)
    machine_clicks = models.IntegerField(default=0)
    unknown_clicks = models.IntegerField(default=0)
    human_opens = models.IntegerField(default=0)
    machine_opens = models.IntegerField(default=0)
    unknown_opens = models.IntegerField(default=0)
    replied_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person_id", "mailing_id"], name="delivery_engagement_person")]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.seq}"


class EngagementDay(models.Model):
    """Daily buckets per person, summed when read: a "90 days" counter cannot decay by itself."""

    pk = models.CompositePrimaryKey("person_id", "day")
    person_id = models.BigIntegerField()
    day = models.DateField()
    mailed = models.IntegerField(default=0)
    human_clicks = models.IntegerField(default=0)
    replies = models.IntegerField(default=0)

    class Meta:
        indexes = [
            # who clicked is a small part of who was written to; a mailing that adds to `mailed` leaves it alone
            models.Index(
                fields=["person_id", "day"],
                include=["human_clicks"],
                condition=models.Q(human_clicks__gt=0),
                name="engagementday_clicked",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.day}"
