"""Who may have a partner's account is known by whoever knows partners: a feature says how one is opened when a code is asked for.

use_opener(function of an address -> User or None, may_write=function of an address -> whether mail may go there at all)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry

_opener: Callable[[str], User | None] = lambda email: None  # noqa: E731 a default to be replaced
_may_write: Callable[[str], bool] = lambda email: True  # noqa: E731 the same


def use_opener(opener: Callable[[str], User | None], *, may_write: Callable[[str], bool]) -> None:
    global _opener, _may_write
    _opener, _may_write = opener, may_write


def open_for(email: str) -> User | None:
    """The account for this address, made now if they are a partner; None for strangers and staff."""
    return _opener(email)


def told_of(uids: Iterable[UUID]) -> QuerySet[AuditEntry]:
    """What the audit trail says of accounts themselves, by their uids: sign-ins with address and browser, names of passkeys."""
    return AuditEntry.objects.filter(object_uid__in=list(uids))


def still_told_of(uids: Iterable[UUID]) -> QuerySet[AuditEntry]:
    """Those of them that have a word or a value left."""
    values = AuditChange.objects.filter(entry=OuterRef("pk")).exclude(before=None, after=None)
    return told_of(uids).exclude(Q(summary="") & ~Exists(values))


def forget_told(uids: Iterable[UUID]) -> int:
    """Entries about these accounts stay without a word or a value; returns how many had one."""
    keys = list(still_told_of(uids).values_list("pk", flat=True))
    AuditChange.objects.filter(entry__in=keys).update(before=None, after=None)
    return AuditEntry.objects.filter(pk__in=keys).update(summary="")


def remove(users: QuerySet[User]) -> int:
    """Delete these partners' accounts with their sessions and passkeys; returns how many.

    What the trail says of their sign-ins goes with them: once the account is gone, nothing leads from the person to it.
    """
    with transaction.atomic():
        gone = list(users.filter(is_partner=True).select_for_update())
        forget_told(user.uid for user in gone)
        User.objects.filter(pk__in=[user.pk for user in gone]).delete()
    return len(gone)


def may_write(email: str) -> bool:
    """Whether a stranger who types this address may have us write to it."""
    return _may_write(email)
