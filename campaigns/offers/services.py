"""An institution offers to do something; staff take it on as a commitment, or leave it aside. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.linking import make_link
from campaigns.commitments.models import Commitment
from campaigns.commitments.services import clean, make_commitment
from campaigns.offers.letters import queue
from campaigns.offers.models import CommitmentOffer, OfferLetter
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import lock
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid

State = CommitmentOffer.State
MOST_WAITING = 5  # of one institution: more at once is no offer


def offer(
    *,
    organization: Organization,
    campaign: Campaign,
    person: Person | None,
    text: str,
    due_on: date,
    is_public: bool = False,
    form_key: UUID | None = None,
) -> CommitmentOffer:
    """Keep what they offer until staff decide. form_key: one form makes one. Raises Invalid without words or for a day that is over,
    Conflict when several wait already."""
    if form_key and (known := CommitmentOffer.objects.filter(form_key=form_key, organization=organization).first()):
        return known
    words = clean(text, 2000)
    if not words:
        raise Invalid(_("Say in a sentence what you want to do."), code="no_words")
    if due_on < timezone.localdate():
        raise Invalid(_("Choose a day that lies ahead."), code="past")
    with transaction.atomic():
        lock(organization)
        if CommitmentOffer.objects.filter(organization=organization, state=State.WAITING).count() >= MOST_WAITING:
            raise Conflict(_("Several of your offers wait for us already. We look at them first."), code="many")
        try:
            with transaction.atomic():
                row = CommitmentOffer.objects.create(
                    organization=organization, campaign=campaign, offered_by=person, text=words, due_on=due_on,
                    is_public=is_public, form_key=form_key or new_uid(),
                )  # fmt: skip
        except IntegrityError:  # the form of somebody else: it says nothing of theirs
            raise Conflict(_("This form is over. Please open the page again."), code="form_over") from None
        record(verb="commitmentoffer.made", target=row, door=Door.LINK, summary=organization.label, event={"organization": str(organization.uid)})  # fmt: skip
    return row


def accept_offer(*, offer: CommitmentOffer, drive: Drive, actor: User) -> Commitment:
    """It becomes a commitment of the drive, with a link by which the institution says how it stands. Raises Conflict when it is decided,
    Invalid for a drive of another campaign."""
    with transaction.atomic():
        row: CommitmentOffer = lock(offer)
        _check_waits(row)
        if drive.campaign_id != row.campaign_id:
            raise Invalid(_("This drive belongs to another campaign. Nothing was changed."), code="bad_value")
        if row.organization.archived_at or Drive.objects.filter(pk=drive.pk, archived_at__isnull=False).exists():
            raise Conflict(_("The institution or the drive was archived. Nothing was changed."), code="archived")
        commitment = make_commitment(
            organization=row.organization, drive=drive, actor=actor, text=row.text,
            due_on=max(row.due_on, timezone.localdate()), promised_by=row.offered_by, is_public=row.is_public,
            evidence=_("Offered by the institution itself."),
        )  # fmt: skip
        make_link(commitment=commitment, actor=actor)
        row.commitment = commitment
        _decide(row, State.ACCEPTED, actor, "commitmentoffer.accepted")
    return commitment


def decline_offer(*, offer: CommitmentOffer, actor: User, reason: str = "") -> AuditEntry:
    """They are told by mail, with the reason if there is one. Until the letter left, undo takes it back. Raises Conflict when it is decided."""
    with transaction.atomic():
        row: CommitmentOffer = lock(offer)
        _check_waits(row)
        row.reason = clean(reason, 1000)
        queue(row)
        return _decide(row, State.DECLINED, actor, "commitmentoffer.declined")


def restore_offer(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a no, as long as its letter did not go: it waits again."""
    del values, expected
    row = CommitmentOffer.objects.select_for_update().filter(uid=uid).first()
    if row is None or not CommitmentOffer.objects.visible_to(actor, Action.LOG).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    letter = OfferLetter.objects.select_for_update().filter(offer=row).first()
    if row.state != State.DECLINED or (letter and letter.sent_at):
        raise Conflict(_("The letter has left, so this stays as it is. They may offer it again."), code="letter_left")
    if letter:
        letter.delete()
    row.state, row.decided_at, row.decided_by, row.reason = State.WAITING, None, None, ""
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "updated_at"])


def _check_waits(row: CommitmentOffer) -> None:
    if row.state != State.WAITING:
        raise Conflict(_("This was decided already, so nothing was changed."), code="decided")


def _decide(row: CommitmentOffer, state: State, actor: User, verb: str) -> AuditEntry:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "commitment", "updated_at"])
    changes = [("state", State.WAITING.value, state.value)]
    return record(verb=verb, target=row, actor=actor, changes=changes, summary=row.organization.label, event={"organization": str(row.organization.uid)})  # fmt: skip
