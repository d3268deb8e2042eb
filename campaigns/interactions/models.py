"""Who took part in an interaction, one row each: the table that "when did we last talk to them?" is asked of."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from campaigns.interactions.queries import PartyQuerySet


class Party(models.Model):
    """A person or an institution that took part, or that the notes name. `at` and `is_two_way` are the interaction's own.

    They are copied because the last two-way contact of hundreds of institutions is read on every page of the queue, from the
    index alone. The services write both in one transaction.
    """

    # the unique constraints below begin with it
    interaction = models.ForeignKey(
        "campaigns.Interaction", on_delete=models.CASCADE, related_name="parties", db_index=False
    )
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    is_two_way = models.BooleanField()
    is_mention = models.BooleanField(default=False, help_text="named in the notes, did not take part")
    contacted_before = models.DateTimeField(null=True, help_text="the institution's last contact until then, for undo")

    objects = PartyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="party_is_one",
                condition=Q(person__isnull=False, organization__isnull=True)
                | Q(person__isnull=True, organization__isnull=False),
            ),
            models.UniqueConstraint(fields=["interaction", "person"], name="party_person_once"),
            models.UniqueConstraint(fields=["interaction", "organization"], name="party_organization_once"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-at"],
                name="party_organization",
                condition=Q(organization__isnull=False),
                include=["is_two_way", "is_mention", "interaction"],
            ),
            models.Index(
                fields=["person", "-at"],
                name="party_person",
                condition=Q(person__isnull=False),
                include=["is_two_way", "is_mention", "interaction"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id or self.organization_id} in {self.interaction_id}"
