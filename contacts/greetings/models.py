"""Forms of address. A post has one; a person may have a greeting of their own (`Person.greeting`)."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from crm.ids import StampedModel


class FormOfAddressQuerySet(models.QuerySet["FormOfAddress"]):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)


class FormOfAddress(StampedModel):
    """How the holders of some posts are addressed: {language: {slot: {"greeting": …, "formal": …}}}. See `wording.py`."""

    name = models.CharField(max_length=80, unique=True)
    title_words = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="a post whose title begins with one of these is addressed so",
    )
    texts = models.JSONField(default=dict, blank=True)
    is_general = models.BooleanField(default=False, help_text="for everybody whose post has no form of its own")
    position = models.PositiveSmallIntegerField(default=100)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="posts keep it, and are addressed as everybody until it is brought back"
    )

    objects = FormOfAddressQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "forms of address"
        ordering = ["-is_general", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_general"], name="form_of_address_one_general", condition=Q(is_general=True)
            ),
            models.CheckConstraint(
                name="form_of_address_general_stays", condition=Q(is_general=False) | Q(archived_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name
