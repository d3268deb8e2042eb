"""A field for "with whom": people and institutions in one box, several of them. Words are typed, matches ticked.

Without JavaScript the form is sent with the words, and comes back with the matches to tick; what was ticked stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.interactions.mentions import Named, find
from contacts.directory.models import Membership, Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action

KINDS = ("person", "organization")
MOST = 80


@dataclass(frozen=True)
class Picked:
    """What was sent: ticked values ("person:uid") and the words."""

    values: list[str] = field(default_factory=list)
    words: str = ""


@dataclass(frozen=True)
class Parties:
    people: list[Person]
    organizations: list[Organization]

    def __bool__(self) -> bool:
        return bool(self.people or self.organizations)


class PartiesWidget(forms.Widget):
    template_name = "campaigns/interactions/widgets/parties.html"
    input_type = "text"

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[Named] = []
        self.options: list[Named] = []
        self.offered: list[Named] = []

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Picked:
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        words = str(data.get(f"{name}_q", "")).replace("\x00", "").strip()[:200]
        return Picked([str(value) for value in values][:MOST], words)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return id_

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        taken = {row.value for row in self.chosen}
        context["parties"] = {
            "chosen": self.chosen,
            "options": [row for row in self.options if row.value not in taken],
            "offered": [row for row in self.offered if row.value not in taken],
            "words": value.words if isinstance(value, Picked) else "",
            "url": f"{reverse('party_options')}?name={name}",
        }
        return context


class PartiesField(forms.Field):
    """Cleans to Parties of those that `user` may log with."""

    widget: PartiesWidget

    def __init__(self, *, user: User, **kwargs: Any) -> None:
        super().__init__(widget=PartiesWidget(), **kwargs)
        self.user = user

    def clean(self, value: Any) -> Parties:
        picked = value if isinstance(value, Picked) else Picked()
        parties = self.chosen(picked.values)
        if len(parties.people) + len(parties.organizations) != len(set(picked.values)):
            raise forms.ValidationError(_("One of these is not there any more, or not for you. The others are kept."))
        if picked.words:
            self.widget.options = find(self.user, picked.words, kinds=KINDS)
            exact = [row for row in self.widget.options if row.label.casefold() == picked.words.casefold()]
            if len(exact) == 1:
                return self.chosen([*picked.values, exact[0].value])
            if not self.widget.options:
                raise forms.ValidationError(_("Nobody and nothing is called “%(words)s”.") % {"words": picked.words})
            raise forms.ValidationError(_("Tick the ones that you mean, or take the words out."))
        if self.required and not parties:
            raise forms.ValidationError(_("Say with whom: at least one person or institution."), code="required")
        return parties

    def chosen(self, values: Iterable[str]) -> Parties:
        """The rows of these values, in their order; the widget shows them as ticked."""
        wanted = list(dict.fromkeys(values))
        people = self._rows(Person.objects.active(), wanted, "person")
        organizations = self._rows(Organization.objects.all(), wanted, "organization")
        rows = {f"person:{row.uid}": row for row in people} | {f"organization:{row.uid}": row for row in organizations}
        self.widget.chosen = [named(rows[value]) for value in wanted if value in rows]
        return Parties(
            [rows[v] for v in wanted if v in rows and v.startswith("person:")],
            [rows[v] for v in wanted if v in rows and v.startswith("organization:")],
        )

    def _rows(self, rows: Any, wanted: list[str], kind: str) -> list[Any]:
        uids = [uid for value in wanted if value.startswith(f"{kind}:") and (uid := _uid(value.partition(":")[2]))]
        return list(rows.visible_to(self.user, Action.LOG).filter(uid__in=uids).order_by()) if uids else []

    def offer_people_of(self, organizations: list[Organization]) -> None:
        """People of these institutions, to be ticked: the heads first."""
        rows = (
            Membership.objects.current().filter(organization__in=organizations, person__archived_at=None, person__erased_at=None)
            .select_related("person", "post").order_by("-post__is_head", "person__sort_key", "pk")[:8]
        )  # fmt: skip
        self.widget.offered = [named(row.person, row.post.label if row.post else row.role) for row in rows]


def named(row: Person | Organization, note: str = "") -> Named:
    kind, icon = ("person", "user") if isinstance(row, Person) else ("organization", "building")
    return Named(kind, row.uid, row.label, note, icon)


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
