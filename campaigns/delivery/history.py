"""Deliveries on the timeline of a person and of an institution."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.delivery.models import Delivery, Outcome, SkipReason
from campaigns.mailings.models import Mailing
from campaigns.mailings.references import stem_of
from contacts.directory.models import Organization, Person
from contacts.directory.timeline import Entry, TimelineSource, reached_through
from crm.accounts.models import User

MOST_MAILINGS = 500  # looked at for a timeline
_KINDS = {
    Outcome.ACCEPTED: "ok",
    Outcome.FAILED: "bad",
    Outcome.DEFERRED: "warn",
    Outcome.UNCERTAIN: "warn",
}


def deliveries_of(subject: Person | Organization, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """What was sent to this person, or in the name of this institution; only mailings that `user` may see."""
    mine = Q(person_id=subject.pk) if isinstance(subject, Person) else _of_organization(subject)
    mailings = mailings_sent(subject, user)
    rows = Delivery.objects.filter(mine, mailing_id__in=list(mailings)).exclude(state=Outcome.SKIPPED)
    rows = rows.annotate(moment=Coalesce("settled_at", "last_attempt_at")).filter(moment__isnull=False)
    if before:
        rows = rows.filter(moment__lt=before)
    for row in rows.order_by("-moment")[:limit]:
        yield _entry(row, mailings[row.mailing_id])


def mailings_sent(subject: Person | Organization, user: User) -> dict[int, Mailing]:
    """The latest mailings that left, of those that the user may see, by their keys; read once for the page of `subject`."""
    known: dict[Any, dict[int, Mailing]] = vars(subject).setdefault("_mailings_sent", {})
    if user.pk not in known:
        sent = Mailing.objects.visible_to(user).filter(frozen_at__isnull=False).order_by("-pk")
        names = ("uid", "name", "names", "reference_stem", "reference_digits")
        known[user.pk] = {row.pk: row for row in sent.only(*names)[:MOST_MAILINGS]}
    return known[user.pk]


def _of_organization(organization: Organization) -> Q:
    """In its name: the ledger is indexed by person and by address, so it is asked by those."""
    people, hashes = reached_through(organization)
    return Q(organization_id=organization.pk) & (Q(person_id__in=people) | Q(address_hash__in=hashes))


def _entry(row: Delivery, mailing: Mailing) -> Entry:
    outcome = Outcome(row.state)
    titles = {
        Outcome.ACCEPTED: _("“%(mailing)s” was sent to %(address)s"),
        Outcome.FAILED: _("“%(mailing)s” could not be sent to %(address)s"),
        Outcome.CANCELLED: _("“%(mailing)s” was stopped before it went to %(address)s"),
        Outcome.UNCERTAIN: _("“%(mailing)s” may have reached %(address)s"),
    }
    title = titles.get(outcome, _("“%(mailing)s” is on its way to %(address)s"))
    return Entry(
        at=row.moment,  # type: ignore[attr-defined]  # annotated
        title=title % {"mailing": mailing.name, "address": row.address or _("an address since erased")},
        icon="mail" if outcome == Outcome.ACCEPTED else "mail-exclamation",
        kind=_KINDS.get(outcome, ""),
        body=" · ".join(
            filter(
                None,
                [
                    _("visible copy") if row.copy_of else "",
                    _reference(row, mailing),
                    "" if outcome == Outcome.ACCEPTED else _reason(row),
                ],
            )
        ),
        url=reverse("mailing_detail", args=[mailing.uid]),
    )


def _reference(row: Delivery, mailing: Mailing) -> str:
    stem = stem_of(mailing) if mailing.reference_stem else None
    return _("Reference %(reference)s") % {"reference": stem.reference(row.shown_seq)} if stem else ""


def cancelled_because(text: str) -> str:
    """Why a delivery that waited was cancelled, in words; empty when the mailing was."""
    words = {
        "suppressed": SkipReason.SUPPRESSED.label,
        "unsubscribed": _("unsubscribed before it left"),
        "too late": _("left out, because it was too late"),
    }
    return str(words.get(text, text))


def _reason(row: Delivery) -> str:
    if row.state == Outcome.CANCELLED:
        return cancelled_because(row.reply_text)
    return f"{row.reply_code} {row.reply_text}" if row.reply_code else row.reply_text


SOURCE = TimelineSource("delivery", gettext_lazy("Mailings"), "mail", deliveries_of, order=20)
