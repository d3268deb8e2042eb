"""A commitment that an institution offers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.offers.queries import OfferQuerySet
from contacts.consent.models import QueuedLetter, given_up_says_why, letters_due
from crm.ids import StampedModel, new_uid


class CommitmentOffer(StampedModel):
    """In the institution's own words. Nothing is promised to the campaign before staff take it on, into one of its drives."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for us")
        ACCEPTED = "accepted", _("taken on")
        DECLINED = "declined", _("left aside")

    organization = models.ForeignKey(
        "contacts.Organization", on_delete=models.CASCADE, related_name="commitment_offers"
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="commitment_offers", help_text="of the network in which it was offered"
    )  # fmt: skip
    offered_by = models.ForeignKey("contacts.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField()
    due_on = models.DateField()
    is_public = models.BooleanField(default=False, help_text="may be told to others")
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form makes one offer")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(blank=True, default="", max_length=1000, help_text="why not; the letter quotes it")
    commitment = models.OneToOneField(
        "campaigns.Commitment", null=True, on_delete=models.SET_NULL, related_name="offer"
    )

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="offer_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="offer_decided_says_when",
                condition=Q(state="waiting", decided_at__isnull=True)
                | Q(state__in=["accepted", "declined"], decided_at__isnull=False),
            ),
            models.CheckConstraint(name="offer_reason_is_of_a_no", condition=Q(reason="") | Q(state="declined")),
        ]
        indexes = [models.Index(fields=["created_at"], name="offer_waiting", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return self.text[:80]


class OfferLetter(QueuedLetter):
    """The letter that says no. A task claims it and sends it."""

    offer = models.OneToOneField(CommitmentOffer, on_delete=models.CASCADE, related_name="letter")

    class Meta:
        constraints = [given_up_says_why("offer_letter_given_up_says_why")]
        indexes = [letters_due("offer_letter_due")]

    def __str__(self) -> str:
        return f"{self.offer_id}: {self.due_at}"
