"""What a token may be used for. A token acts as its user, with the user's grants cut down to the token's scopes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from crm.accounts.rules import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from crm.accounts.models import User


@dataclass(frozen=True)
class Scope:
    code: str
    label: StrOrPromise
    actions: frozenset[Action]


READ = "read"
SCOPES: dict[str, Scope] = {
    scope.code: scope
    for scope in [
        Scope(READ, _("Read what you may see"), frozenset({Action.SEE})),
        Scope(
            "directory",
            _("Add and change people, institutions, posts and permissions"),
            frozenset({Action.EDIT_DIRECTORY, Action.LOG}),
        ),
        Scope("bulk", _("Upsert many people at once, and import files"), frozenset({Action.BULK})),
        Scope("export", _("Take all people out as a stream (each time is logged)"), frozenset({Action.EXPORT})),
        Scope(
            "segments", _("Save segments and fill lists"), frozenset({Action.SEGMENTS, Action.SEGMENTS_OWN})
        ),
        Scope("drives", _("Plan drives: asks, activities, objectives, teams"), frozenset({Action.DRIVES})),
        Scope("mailings", _("Write mailings, and test them to oneself"), frozenset({Action.WRITE})),
        Scope("send", _("Schedule, send, pause, resume and cancel mailings"), frozenset({Action.SEND, Action.PAUSE})),
        Scope("approve", _("Approve mailings, and release held ones"), frozenset({Action.APPROVE, Action.PAUSE})),
        Scope("administer", _("Change topics, and see everybody's jobs"), frozenset({Action.ADMINISTER})),
    ]
}  # fmt: skip


def actions_of(codes: Iterable[str]) -> frozenset[Action]:
    """What these scopes let a token do at most. Reading is always among it: a write answers with what it wrote."""
    return frozenset().union(*(SCOPES[code].actions for code in {READ, *codes} if code in SCOPES))


def offered_to(user: User) -> list[Scope]:
    """The scopes that would give this user's token anything."""
    return [scope for scope in SCOPES.values() if any(user.may(action) for action in scope.actions)]


def scope_for(actions: Iterable[Action]) -> list[str]:
    """Codes of the scopes that allow one of `actions`."""
    wanted = set(actions)
    return [scope.code for scope in SCOPES.values() if scope.actions & wanted]
