"""Whose account it is, and what somebody outside wants changed of an institution."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.partners.queries import ChangeWishQuerySet
from crm.ids import StampedModel


class PartnerAccount(StampedModel):
    """The account of one person of the directory. It goes with the person, and when nobody ever signed in."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="partner_account")
    person = models.OneToOneField("contacts.Person", on_delete=models.CASCADE, related_name="partner_account")
    erase_asked_at = models.DateTimeField(null=True, help_text="they want to be erased: an administrator does it")

    class Meta:
        indexes = [
            models.Index(
                fields=["erase_asked_at"], name="partner_erase_asked", condition=Q(erase_asked_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"account of {self.person_id}"


class ChangeWish(StampedModel):
    """What a partner wants changed of their institution's profile; staff accept or decline it. One waits at a time."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for us")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    FIELDS: ClassVar[tuple[str, ...]] = ("name", "acronym", "website", "language")

    organization = models.ForeignKey("contacts.Organization", on_delete=models.CASCADE, related_name="change_wishes")
    asked_by = models.ForeignKey("contacts.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    values = models.JSONField(help_text="field → what it is to be")
    note = models.TextField(blank=True, default="")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = ChangeWishQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], name="change_wish_one_waits", condition=Q(state="waiting")
            ),
            models.CheckConstraint(
                name="change_wish_decided_says_when",
                condition=Q(state="waiting", decided_at__isnull=True)
                | Q(state__in=["accepted", "declined"], decided_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="change_wish_waiting", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.organization_id}: {', '.join(self.values)}"
