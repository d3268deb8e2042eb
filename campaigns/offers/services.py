"""An institution offers to do something; staff take it on as a commitment, or leave it aside. Each is one transaction with one audit entry."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.linking import make_link
from campaigns.commitments.models import Commitment
from campaigns.commitments.services import clean, make_commitment
from campaigns.offers.models import CommitmentOffer
from campaigns.planning.models import Campaign, Drive
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import lock
from crm.accounts.models import User
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid
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


def decline_offer(*, offer: CommitmentOffer, actor: User) -> AuditEntry:
    """Raises Conflict when it is decided."""
    with transaction.atomic():
        row: CommitmentOffer = lock(offer)
        _check_waits(row)
        return _decide(row, State.DECLINED, actor, "commitmentoffer.declined")


def _check_waits(row: CommitmentOffer) -> None:
    if row.state != State.WAITING:
        raise Conflict(_("This was decided already, so nothing was changed."), code="decided")


def _decide(row: CommitmentOffer, state: State, actor: User, verb: str) -> AuditEntry:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor
    row.save(update_fields=["state", "decided_at", "decided_by", "commitment", "updated_at"])
    changes = [("state", State.WAITING.value, state.value)]
    return record(verb=verb, target=row, actor=actor, changes=changes, summary=row.organization.label, event={"organization": str(row.organization.uid)})  # fmt: skip
