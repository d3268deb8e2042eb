"""What changes are about: each kind of object that has a history says here who may see it, what it is called and where it is.

    register(Kind("drive", _("Drive"), "target-arrow", lambda user: Drive.objects.visible_to(user), "drive_detail"))

A kind that is not registered is shown to administrators only, by its uid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Kind:
    """name: model name in lower case. rows: those that a user may see. url_name: its page, by uid. words: the field of its name, or
    what says it in SQL; empty: it has none, and what the trail wrote down stands.

    is_scoped: whether somebody with a grant for everything sees all rows; else `rows` is asked for them too. also: uids of what
    belongs to an object (the posts of an institution), whose changes stand in its history.
    """

    name: str
    label: StrOrPromise
    icon: str
    rows: Callable[[User], QuerySet[Any]]
    url_name: str = ""
    actions: tuple[Action, ...] = (Action.SEE,)
    words: str | Combinable = "name"
    is_scoped: bool = True
    can_search: bool = True
    also: Callable[[UUID], Iterable[UUID]] = lambda uid: ()

    def may_see(self, user: User) -> bool:
        return any(user.may(action) for action in self.actions)

    def url(self, uid: UUID) -> str:
        return reverse(self.url_name, args=[uid]) if self.url_name else ""


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    KINDS[kind.name] = kind


def kinds_for(user: User) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.may_see(user)]


def names_of(user: User, wanted: dict[str, set[UUID]]) -> dict[UUID, tuple[str, str]]:
    """uid → (name, URL) of the objects that the user may see: one query for each kind, however many there are."""
    found: dict[UUID, tuple[str, str]] = {}
    for name in sorted(wanted):
        kind = KINDS.get(name)
        if kind is None or not kind.words or not wanted[name] or not kind.may_see(user):
            continue
        rows = kind.rows(user).filter(uid__in=wanted[name]).order_by()
        for uid, words in rows.values_list("uid", kind.words):
            found[uid] = (str(words), kind.url(uid))
    return found


# kinds that have no page of their own to lead to
LABELS: dict[str, StrOrPromise] = {
    "contactpoint": _("Address"),
    "contact_point": _("Address"),
    "address": _("Address"),
    "calendar_feed": _("Calendar feed"),
    "calendarfeed": _("Calendar feed"),
    "contactguard": _("Contact guard"),
    "contactlist": _("List by hand"),
    "digestchoice": _("Weekly mail"),
    "guardoverride": _("What was gone over in spite of a guard"),
    "partneraccount": _("Partner’s account"),
    "quietdates": _("Quiet dates"),
    "sign_in": _("Sign-in"),
    "teammember": _("Member of a team"),
    "two_step": _("Two-step sign-in"),
}


def kind_label(name: str) -> str:
    kind = KINDS.get(name)
    label = kind.label if kind else LABELS.get(name)
    return str(label) if label else name.replace("_", " ").capitalize()
