"""The rows behind a number of a report, as the lists that people know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q

from campaigns.commitments.lists import CommitmentTable
from campaigns.interactions.lists import ContactTable
from campaigns.interactions.models import Party
from campaigns.outreach.models import Interaction
from campaigns.positions.lists import MoveTable
from campaigns.positions.models import PositionStep
from contacts.directory.lists import OrganizationTable, PersonTable
from contacts.directory.models import Organization, Person
from contacts.segments.registry import ORGANIZATIONS, PEOPLE
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.tables import Table

TABLES: dict[str, tuple[type[Table], Callable[[Any], Any]]] = {
    "people": (PersonTable, lambda rows: rows.with_place()),
    "organizations": (OrganizationTable, lambda rows: rows.select_related("country", "constituency")),
    "contacts": (ContactTable, lambda rows: rows.select_related("logged_by")),
    "moves": (MoveTable, lambda rows: rows.select_related("organization__country", "organization__constituency", "ask", "recorded_by")),
    "commitments": (CommitmentTable, lambda rows: rows.select_related("organization__country", "organization__constituency", "ask", "drive", "owner", "verified_by").prefetch_related("milestones")),
}  # fmt: skip


def table_of(request: StaffRequest, kind: str, rows: Any) -> Table:
    """rows: of the figure, which the user may see. Nothing of it is exported here: a file of people is the directory's."""
    shape, joined = TABLES[kind]
    return shape(request, joined(rows))


def known(user: User, kind: str, uids: list[Any]) -> Any:
    """Of ids that were kept: those that are still there and that the user may see."""
    from campaigns.commitments.models import Commitment

    rows: Any
    if kind == "people":
        rows = Person.objects.active().visible_to(user, Action.SEE)
    elif kind == "organizations":
        rows = Organization.objects.visible_to(user, Action.SEE)
    elif kind == "contacts":
        rows = Interaction.objects.filter(removed_at=None).visible_to(user)
    elif kind == "moves":
        rows = PositionStep.objects.visible_to(user).with_previous()
    else:
        rows = Commitment.objects.visible_to(user)
    return rows.filter(Q(uid__in=uids))


def as_subjects(kind: str, rows: Any, user: User) -> tuple[Any, str]:
    """Whom these rows are about, as a list by hand takes them, and what it holds: people, or institutions, those of contacts,
    steps and promises too."""
    if kind == "people":
        return Person.objects.active().visible_to(user).filter(pk__in=rows.order_by().values("pk")), PEOPLE
    if kind == "organizations":
        keys = rows.order_by().values("pk")
    elif kind == "contacts":
        keys = Party.objects.took_part().filter(interaction__in=rows.order_by().values("pk")).values("organization_id")
    else:
        keys = rows.order_by().values("organization_id")
    return Organization.objects.active().visible_to(user).filter(pk__in=keys), ORGANIZATIONS
