"""What was counted of each institution, and which counts are in doubt."""

from __future__ import annotations

from django.db import models


class Reach(models.Model):
    """Counted for one institution. people: with a working address; has_own: an address of its own or of a post works; posts, filled,
    seats: posts there are, that somebody holds, whose holder has a working address."""

    organization = models.OneToOneField(
        "contacts.Organization", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    people = models.PositiveIntegerField()
    has_own = models.BooleanField()
    posts = models.PositiveIntegerField()
    filled = models.PositiveIntegerField()
    seats = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.people} people"


class ReachDoubt(models.Model):
    """Something changed that the count of this institution is made of. Written by triggers, so that COPY and shells count too.

    A log, without a key on the institution: two who change the same one never wait for each other.
    """

    organization_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.organization_id} is in doubt"
