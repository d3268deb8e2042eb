"""What is a partner's: every page of theirs asks here, and nowhere else, which rows they may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import localdate, now

from campaigns.commitments.models import Commitment
from campaigns.delegations.models import Nomination, Nominator
from campaigns.events.models import Invitation, Registration
from campaigns.networks.models import Member, Representative, Vote
from contacts.directory.models import Membership, Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.delegations.queries import NominatorQuerySet
    from campaigns.partners.models import ChangeWish  # noqa: F401  type parameters


class ChangeWishQuerySet(models.QuerySet["ChangeWish"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        return self.filter(organization__in=Organization.objects.visible_to(user, action))

    def waiting(self) -> Self:
        return self.filter(state="waiting", organization__archived_at__isnull=True).order_by("created_at", "pk")


def _made_on(uid: UUID) -> date:
    """A uid of version 7 begins with the milliseconds at which it was made."""
    return localdate(datetime.fromtimestamp(int.from_bytes(uid.bytes[:6]) / 1000, UTC))


@dataclass(frozen=True)
class Mine:
    """Everything that one person may see in their account. Rows of others are not in any of these."""

    person: Person

    def since(self) -> dict[int, date]:
        """From which day on each of `organization_ids` is theirs; a membership without a first day counts from the day it was noted."""
        found: dict[int, date] = {}
        rows = Membership.objects.filter(person=self.person.pk, ended_on__isnull=True)
        acts = Representative.objects.current().filter(person=self.person.pk)
        days = [(row.organization_id, row.started_on or _made_on(row.uid)) for row in rows] + [
            (row.member.organization_id, localdate(row.decided_at or row.created_at))
            for row in acts.select_related("member")
        ]
        for organization, day in days:
            if organization in self.organization_ids:
                found[organization] = min(day, found.get(organization, day))
        return found

    @cached_property
    def organization_ids(self) -> list[int]:
        """Institutions that they belong to now, or act for in a network.

        Who is a representative gets a membership of the institution in the directory, and staff may leave it there when they are one
        no longer: that shows them nothing, unless it began after they were.
        """
        person = self.person.pk
        ended = Representative.objects.filter(
            person=person, state="ended", member__organization=OuterRef("organization")
        )
        since = ended.filter(ended_at__date__gte=OuterRef("started_on"))
        over = Exists(since) | (Q(started_on__isnull=True) & Exists(ended))
        belongs = Membership.objects.filter(~over, person=person, ended_on__isnull=True)
        rows = Organization.objects.active().filter(
            Q(pk__in=belongs.values("organization"))
            | Q(network_members__in=self.memberships(), network_members__organization__isnull=False)
        )
        return list(rows.order_by().values_list("pk", flat=True).distinct())

    def organizations(self) -> QuerySet[Organization]:
        rows = Organization.objects.filter(pk__in=self.organization_ids)
        return rows.select_related("country", "constituency").order_by("sort_key", "pk")

    def memberships(self) -> QuerySet[Member]:
        """Of networks: their own, and those of institutions that they represent."""
        rows: QuerySet[Member] = Member.objects.present().of_person([self.person.pk])
        return rows

    def networks(self) -> list[Member]:
        rows = self.memberships().select_related("network__campaign", "organization__country", "person", "contact")
        return list(rows.order_by("network__sort_key", "pk"))

    def representing(self, member: Member) -> Representative | None:
        """As whom they act for an institution; None when the membership is their own."""
        return member.representatives.current().filter(person=self.person.pk).select_related("person").first()

    def commitments(self) -> QuerySet[Commitment]:
        rows = Commitment.objects.filter(organization__in=self.organization_ids).exclude(state="withdrawn")
        return rows.select_related("organization", "ask", "drive").order_by("due_on", "pk")

    def invitations(self) -> QuerySet[Invitation]:
        """To events that staff did not put away: their own, and those that ask an institution of theirs without naming anybody."""
        to_us = Q(person__isnull=True, organization__in=self.organization_ids)
        rows = Invitation.objects.filter(Q(person=self.person.pk) | to_us, event__archived_at__isnull=True)
        return rows.select_related("event", "organization", "person").order_by("-event__starts_at", "-pk")

    def seats(self) -> QuerySet[Registration]:
        """Where they come, or wait for a seat, without an invitation of their own: sent by their institution, or walked in."""
        rows = Registration.objects.filter(
            person=self.person.pk, state__in=Registration.ACTIVE, event__archived_at__isnull=True
        )
        return (
            rows.exclude(invitation__person=self.person.pk).select_related("event").order_by("-event__starts_at", "-pk")
        )

    def nominators(self) -> NominatorQuerySet:
        """For which delegations an institution of theirs names people, or they themselves were asked; until the event is over."""
        theirs = Q(organization__in=self.organization_ids) | Q(person=self.person.pk)
        rows: NominatorQuerySet = Nominator.objects.live().filter(
            theirs, delegation__event__archived_at__isnull=True, delegation__event__ends_at__gt=now()
        )
        rows = rows.filter(
            Q(asked_at__isnull=False) | Q(person=self.person.pk)
        )  # staff may still be preparing the others
        return rows.select_related(
            "delegation__event__composition", "delegation__event__drive__campaign", "delegation__event__country", "delegation__country",
            "delegation__organization", "organization", "constituency",
        ).order_by("delegation__event__starts_at", "pk")  # fmt: skip

    def may_name(self, nominator: Nominator) -> bool:
        """Whom we asked, and administrators of the institution in a network."""
        if nominator.person_id == self.person.pk:
            return True
        acts = Representative.objects.current().filter(person=self.person.pk, is_admin=True)
        return acts.filter(member__organization=nominator.organization_id).exists()

    def nominations(self) -> QuerySet[Nomination]:
        """Delegations to which they were accepted, until the event is over."""
        rows = Nomination.objects.accepted().filter(
            person=self.person.pk, delegation__left_out_at__isnull=True, delegation__event__archived_at__isnull=True, delegation__event__ends_at__gt=now()
        )  # fmt: skip
        return rows.select_related("delegation__event").order_by("delegation__event__starts_at", "pk")

    def votes(self) -> QuerySet[Vote]:
        """Applicants about whom they are still asked."""
        rows = Vote.objects.filter(member__in=self.memberships(), is_yes__isnull=True, application__state="confirmed")
        return rows.select_related("application__network").order_by("asked_at", "pk")
