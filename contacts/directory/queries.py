"""Every question asked of the directory has a name here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.searchtext import normalise

if TYPE_CHECKING:
    from contacts.directory.models import (  # noqa: F401  type parameters
        ContactPoint,
        Membership,
        Organization,
        Person,
        Post,
    )


class SearchMixin(models.QuerySet):
    def search(self, text: str) -> Self:
        """Rows whose names contain every word of `text`, whatever its accents or script. Blank text changes nothing."""
        found = self
        for word in normalise(text).split():
            found = found.filter(search_text__contains=word)
        return found


class OrganizationQuerySet(SearchMixin, models.QuerySet["Organization"]):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Rows whose country, or a country of work, is in the user's scope for `action`."""
        codes = user.scope(action).countries
        if codes is None:
            return self
        return self.filter(Q(country_id__in=codes) | Q(countries_of_work__overlap=list(codes)))


class PersonQuerySet(SearchMixin, models.QuerySet["Person"]):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True, erased_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """People of countries in the user's scope, or with a current membership in an organization that is in it."""
        codes = user.scope(action).countries
        if codes is None:
            return self
        from contacts.directory.models import Membership

        inside = Membership.objects.current().filter(
            Q(organization__country_id__in=codes) | Q(organization__countries_of_work__overlap=list(codes))
        )
        return self.filter(Q(country_id__in=codes) | Q(pk__in=inside.values("person_id")))


class PostQuerySet(SearchMixin, models.QuerySet["Post"]):
    def active(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        from contacts.directory.models import Organization

        if user.scope(action).countries is None:
            return self
        return self.filter(organization__in=Organization.objects.visible_to(user, action))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self) -> Self:
        """Not ended. A membership with a planned last day is ended by the service on that day."""
        return self.filter(ended_on__isnull=True)

    def primary(self) -> Self:
        return self.filter(is_primary=True)


class ContactPointQuerySet(models.QuerySet["ContactPoint"]):
    def emails(self) -> Self:
        return self.filter(kind="email")

    def usable(self) -> Self:
        return self.filter(status="active")
