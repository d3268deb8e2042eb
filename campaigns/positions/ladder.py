"""The ladder from *opposed* to *champion*: its words, its colours, and codes for the API."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Stance(models.IntegerChoices):
    """Numbers, so that a step up is a larger one; outside of the database they are told by `code`."""

    OPPOSED = 1, _("opposed")
    SCEPTICAL = 2, _("sceptical")
    UNAWARE = 3, _("unaware")
    NEUTRAL = 4, _("neutral")
    INTERESTED = 5, _("interested")
    SUPPORTIVE = 6, _("supportive")
    CHAMPION = 7, _("champion")

    @property
    def code(self) -> str:
        return self.name.lower()

    @property
    def colour(self) -> str:
        """The name of its colour: c-p1 … c-p7."""
        return f"p{self.value}"


CODES = {stance.code: stance for stance in Stance}
FAVOURABLE = (Stance.SUPPORTIVE, Stance.CHAMPION)


def code_of(stance: int | None) -> str | None:
    return Stance(stance).code if stance else None


def word_of(stance: int | None) -> str:
    """The word on screens; nothing known has its own."""
    return str(Stance(stance).label) if stance else str(_("not known"))


class EvidenceKind(models.TextChoices):
    QUOTE = "quote", _("quote")
    MEETING = "meeting", _("meeting")
    DOCUMENT = "document", _("document")
    VOTE = "vote", _("vote")


class Confidence(models.TextChoices):
    LOW = "low", _("low: hearsay")
    MEDIUM = "medium", _("medium: one good source")
    HIGH = "high", _("high: said or done in public")
