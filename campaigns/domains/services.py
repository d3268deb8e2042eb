"""Checking a sending domain, and saying how its mail is signed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import idna
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.domains.asking import look_up
from campaigns.domains.book import Book
from campaigns.domains.judging import Case, judge
from campaigns.domains.models import SendingDomain
from campaigns.domains.roads import RoadOut, roads_out
from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import as_json, record
from crm.errors import Conflict, NotAllowed
from crm.reserved import is_reserved

FRESH = timedelta(hours=24)


def domain_of(email: str) -> str:
    """As it is looked up: lower case, an international name in its ASCII form."""
    name = email.rpartition("@")[2].strip().rstrip(".").lower()
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:  # no name that the DNS could know
        return re.sub(r"[^a-z0-9._-]", "-", name)


def case_of(row: SendingDomain, transports: Iterable[Transport] | None = None) -> Case:
    """What is judged: the domain with the installation's return domain and all transports that lead out."""
    back = domain_of(settings.RETURN_DOMAIN)
    roads: list[RoadOut] = roads_out(transports_in_use() if transports is None else transports, back or row.name)
    return Case(row.name, back, tuple(roads), row.dkim_selector, row.dkim_record)


def row_of(sender: Sender) -> SendingDomain:
    """The kept row of a sender's domain, or a new one that is not stored yet."""
    name = domain_of(sender.email)
    return SendingDomain.objects.filter(name=name).first() or SendingDomain(name=name)


def check(*, row: SendingDomain) -> SendingDomain:
    """Look everything up anew. What is not answered keeps its last answer, with the time of that; no lock is held meanwhile."""
    case = case_of(row)
    fresh = look_up(lambda book: judge(book, case))
    now = timezone.now()
    with transaction.atomic():
        SendingDomain.objects.get_or_create(name=row.name)
        kept = SendingDomain.objects.select_for_update().get(name=row.name)
        silent = [key for key, answer in fresh.answers.items() if not answer.is_known]
        old = Book.of(kept.answers).answers
        merged = {
            key: old[key] if not answer.is_known and key in old else answer for key, answer in fresh.answers.items()
        }
        kept.asked_at, kept.failure = now, ""
        if silent and len(silent) == len(fresh.answers):
            kept.failure = _("No DNS server answered.")
            merged = old or merged
        else:
            kept.checked_at = now
            if silent:
                kept.failure = _("Not everything was answered: %(names)s.") % {
                    "names": ", ".join(f"{kind} {name}" for kind, name in sorted(silent)[:3])
                }
        kept.failure = kept.failure[:300]
        kept.answers = Book(merged).as_json()
        kept.save(update_fields=["answers", "asked_at", "checked_at", "failure", "updated_at"])
    return kept


def set_signing(*, row: SendingDomain, actor: User | None, dkim_selector: str, dkim_record: str) -> SendingDomain:
    """Say with which selector the domain's mail is signed, and which record the signing server asks for."""
    return _edit(row, actor, {"dkim_selector": dkim_selector, "dkim_record": dkim_record})


def set_warmup(
    *, row: SendingDomain, actor: User | None, warmup_from: date | None, warmup_steps: list[int]
) -> SendingDomain:
    """Say how many messages may leave in the domain's name on its first day, its second, and so on."""
    return _edit(row, actor, {"warmup_from": warmup_from, "warmup_steps": warmup_steps})


def _edit(row: SendingDomain, actor: User | None, new: dict[str, Any]) -> SendingDomain:
    with transaction.atomic():
        SendingDomain.objects.get_or_create(name=row.name)
        kept = SendingDomain.objects.select_for_update().get(name=row.name)
        changes: list[Any] = [(n, getattr(kept, n), value) for n, value in new.items() if getattr(kept, n) != value]
        if changes:
            for name, _before, value in changes:
                setattr(kept, name, value)
            kept.save(update_fields=[*new, "updated_at"])
            record(
                verb="sending_domain.edited",
                target=kept,
                object_type="sending_domain",
                actor=actor,
                changes=changes,
                summary=kept.name,
            )
    return kept


def restore(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo: how its mail is signed, as it was."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = SendingDomain.objects.select_for_update().filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if any(as_json(getattr(row, field)) != value for field, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for field, value in values.items():
        column = SendingDomain._meta.get_field(field)
        setattr(row, field, column.to_python(value) if isinstance(value, str) else value)  # type: ignore[union-attr]
    row.save(update_fields=[*values, "updated_at"])


def names_in_use() -> list[str]:
    """Domains of the senders that mailings can have, in order."""
    return sorted({domain_of(email) for email in senders_in_use().values_list("email", flat=True)})


def check_due(*, seconds: float = 40.0) -> list[str]:
    """Check the domains that nobody looked at for a day; returns their names. Each is claimed, so two checkers do no harm.

    Reserved names are left out: no DNS knows them, and no mail leaves from them.
    """
    until = timezone.now() + timedelta(seconds=seconds)
    done = []
    for name in names_in_use():
        if is_reserved(name) or timezone.now() > until:
            continue
        row, made = SendingDomain.objects.get_or_create(name=name)
        now = timezone.now()
        due = Q(asked_at__isnull=True) | Q(asked_at__lt=now - FRESH)
        if SendingDomain.objects.filter(due, pk=row.pk).update(asked_at=now):
            check(row=row)
            done.append(name)
    return done
