"""Segments (saved rules) and lists (chosen by hand)."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import NamedModel, Organization, Person
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ids import StampedModel


class OwnedQuerySet(SearchMixin, models.QuerySet):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """All are seen by all staff (their members are narrowed by scope); whoever may edit only his own sees those for editing."""
        if action == Action.SEE:
            return self if user.may(Action.SEE) else self.none()
        if user.may(Action.SEGMENTS):
            return self
        return self.filter(owner=user) if user.may(Action.SEGMENTS_OWN) else self.none()


class Selects(models.TextChoices):
    PEOPLE = "people", _("people")
    ORGANIZATIONS = "organizations", _("organizations")


class Segment(NamedModel, StampedModel):
    """A rule tree (JSON, see contacts/segments/tree.py) over people or organizations."""

    description = models.TextField(blank=True, default="")
    selects = models.CharField(max_length=14, choices=Selects.choices, default=Selects.PEOPLE)
    tree = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="segments")
    last_count = models.PositiveIntegerField(null=True)
    last_counted_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        indexes = [GinIndex(fields=["search_text"], name="segment_search", opclasses=["gin_trgm_ops"])]


class SegmentVersion(models.Model):
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    tree = models.JSONField()
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="segment_version_once")]

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.version}"


class SegmentSize(models.Model):
    """How many a segment selected on a day: one row a day, written at night and again when it is saved."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="sizes")
    day = models.DateField()
    count = models.PositiveIntegerField()
    version = models.PositiveIntegerField(help_text="of the rules that were counted")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="segment_size_once_a_day")]

    def __str__(self) -> str:
        return f"{self.segment_id} on {self.day}: {self.count}"


class ContactList(NamedModel, StampedModel):
    """A list, chosen by hand. Its version grows with every change of its members."""

    description = models.TextField(blank=True, default="")
    selects = models.CharField(max_length=14, choices=Selects.choices, default=Selects.PEOPLE)
    version = models.PositiveIntegerField(default=1)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="lists")
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet.as_manager()


class ContactListMember(models.Model):
    contact_list = models.ForeignKey(ContactList, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="+")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact_list", "person"], name="list_person_once"),
            models.UniqueConstraint(fields=["contact_list", "organization"], name="list_organization_once"),
            models.CheckConstraint(
                name="list_member_is_one",
                condition=Q(person__isnull=False, organization__isnull=True)
                | Q(person__isnull=True, organization__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id or self.organization_id} on {self.contact_list_id}"
