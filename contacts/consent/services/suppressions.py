"""Addresses that must not be written to. Other features join the transaction: `on_suppress(fn)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from contacts.consent.addresses import address_hash, address_hashes, address_key
from contacts.consent.models import Suppression
from contacts.consent.queries import suppressed_hashes
from contacts.directory.models import ContactPoint
from crm.accounts.models import User
from crm.audit.models import Door
from crm.audit.services import record


class Effect(Protocol):
    """What else must happen when addresses are suppressed: same transaction, so that row locks order the two.

    address_keys: normal forms; address_hashes: their keyed hashes, by every key of the ring.
    """

    def __call__(self, *, address_keys: list[str], address_hashes: list[bytes], at: datetime) -> None: ...


# The source of a suppression that a mail server's word made: “bounced: 5.1.1”. A person may know better.
BOUNCED = "bounced"
DeliveryAddress = Callable[[int, int], str | None]
_EFFECTS: list[Effect] = []
_DELIVERY_ADDRESS: list[DeliveryAddress] = []


def on_suppress(effect: Effect) -> Effect:
    """Register what else happens in the transaction of a suppression (delivery: its pending rows)."""
    if effect not in _EFFECTS:
        _EFFECTS.append(effect)
    return effect


def address_of_delivery(lookup: DeliveryAddress) -> DeliveryAddress:
    """Register who knows the address that (mailing id, seq) went to; it answers None when it was blanked."""
    if lookup not in _DELIVERY_ADDRESS:
        _DELIVERY_ADDRESS.append(lookup)
    return lookup


def delivered_address(mailing_id: int | None, seq: int | None) -> str | None:
    """The normal form of the address that a delivery went to, when somebody knows it."""
    if mailing_id is None or seq is None:
        return None
    return next((found for lookup in _DELIVERY_ADDRESS if (found := lookup(mailing_id, seq))), None)


def suppress_address(
    *,
    address: str,
    reason: str,
    source: str,
    actor: User | None = None,
    door: Door | None = None,
    at: datetime | None = None,
) -> Suppression:
    """Never write to this address again. Doing it twice changes nothing; the first reason stays.

    Also updates what waits to be sent to it, by the registered effects, before the transaction commits.
    Raises Invalid for text that is no address.
    """
    key = address_key(address)
    suppress_addresses(address_keys=[key], reason=reason, source=source, actor=actor, door=door, at=at)
    return Suppression.objects.get(address_hash=address_hash(key))


def suppress_addresses(
    *,
    address_keys: Iterable[str],
    reason: str,
    source: str,
    actor: User | None = None,
    door: Door | None = None,
    at: datetime | None = None,
) -> int:
    """`suppress_address` for several normal forms at once; returns how many were new.

    A row is written for each key of the ring: rows that were hashed by an older key find it with a plain join.
    """
    keys = sorted(set(address_keys))  # in one order everywhere, so that two of these never wait for each other
    moment = at or timezone.now()
    with transaction.atomic():
        if reason != Suppression.Reason.INVALID:  # a person's wish takes the place of a mail server's word
            _bounced(keys).update(reason=reason, source=source[:120], at=moment)
        known = suppressed_hashes(hash for key in keys for hash in address_hashes(key))
        added = [key for key in keys if address_hash(key) not in known]
        Suppression.objects.bulk_create(
            [
                Suppression(
                    address_hash=address_hash(key, key_id=key_id),
                    key_id=key_id,
                    reason=reason,
                    source=source[:120],
                    at=moment,
                )
                for key in keys
                for key_id in settings.ADDRESS_KEYS
            ],
            ignore_conflicts=True,
        )
        hashes = [hash for key in keys for hash in address_hashes(key)]
        for effect in _EFFECTS:
            effect(address_keys=keys, address_hashes=hashes, at=moment)
        if added:
            # The trail must not keep what erasure will have to remove: it counts, and names no address.
            told = ngettext("%(n)s address", "%(n)s addresses", len(added)) % {"n": len(added)}
            record(
                verb="address.suppressed",
                object_type="suppression",
                actor=actor,
                door=door,
                summary=f"{told}: {Suppression.Reason(reason).label}, {source}",
            )
    return len(added)


def suppress_bounced(*, address: str, status: str, at: datetime) -> Suppression:
    """A mail server said that there is no such address: nothing goes there, whoever else has it, and whatever is imported."""
    source = f"{BOUNCED}: {status}" if status else BOUNCED
    return suppress_address(address=address, reason=Suppression.Reason.INVALID, source=source, at=at)


def lift_bounced_suppression(*, address_keys: Iterable[str], actor: User | None) -> int:
    """Somebody says that an address is good after all; returns how many rows went. What a person asked for is not lifted."""
    lifted, _rows = _bounced(address_keys).delete()
    if lifted:
        record(
            verb="address.unsuppressed", object_type="suppression", actor=actor, summary="entered anew after a bounce"
        )
    return lifted


def _bounced(address_keys: Iterable[str]) -> QuerySet[Suppression]:
    hashes = [hash for key in address_keys for hash in address_hashes(key)]
    bounced = Suppression.objects.filter(reason=Suppression.Reason.INVALID, source__startswith=BOUNCED)
    return bounced.filter(address_hash__in=hashes)


def record_complaint(*, address: str, source: str, at: datetime | None = None) -> Suppression:
    """Somebody called our mail spam: the address is suppressed and its contact points say why."""
    with transaction.atomic():
        found = suppress_address(address=address, reason=Suppression.Reason.COMPLAINT, source=source, at=at)
        ContactPoint.objects.emails().filter(address_key=address_key(address)).exclude(
            status=ContactPoint.Status.COMPLAINED
        ).update(
            status=ContactPoint.Status.COMPLAINED,
            status_reason=source[:300],
            status_at=found.at,
            updated_at=timezone.now(),
        )
    return found


def lift_own_suppression(*, address_keys: Iterable[str]) -> int:
    """The holder of the addresses came back by a signed link and chose topics again; returns how many rows went.

    Only what they asked for themselves (“everything”) is lifted: a complaint, an erasure or an officer's entry stays.
    """
    hashes = [hash for key in address_keys for hash in address_hashes(key)]
    lifted, _rows = Suppression.objects.filter(address_hash__in=hashes, reason=Suppression.Reason.UNSUBSCRIBED).delete()
    if lifted:
        record(verb="address.unsuppressed", object_type="suppression", door=Door.LINK, summary="asked for mail again")
    return lifted


def carry_suppressions(*, address_keys: Iterable[str]) -> int:
    """Addresses that come in: write by the newest key what an older one suppressed; returns how many rows.

    Whatever hashes addresses (a screen, an import, COPY) calls it, so that one join by `address_hash` is enough.
    """
    if len(settings.ADDRESS_KEYS) < 2:
        return 0
    newest = next(iter(settings.ADDRESS_KEYS))
    by_hash = {hash: key for key in set(address_keys) for hash in address_hashes(key)}
    rows = Suppression.objects.filter(address_hash__in=list(by_hash)).order_by("at", "id")
    carried: dict[str, Suppression] = {}
    for row in rows:
        carried.setdefault(by_hash[bytes(row.address_hash)], row)
    fresh = [
        Suppression(address_hash=address_hash(key), key_id=newest, reason=row.reason, source=row.source, at=row.at)
        for key, row in carried.items()
    ]
    with transaction.atomic():
        before = Suppression.objects.filter(address_hash__in=[row.address_hash for row in fresh]).count()
        Suppression.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh) - before
