"""Addresses made and renewed; mail taken in, filed by itself where all is sure, by one click where it is not, or dismissed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.dropbox.addresses import key_of, own_addresses, read_dropbox
from campaigns.dropbox.attachments import keep_attachments
from campaigns.dropbox.matching import Match, match, of_thread, thread_of
from campaigns.dropbox.models import Dropbox, DroppedMail
from campaigns.dropbox.reading import Dropped, read_dropped
from campaigns.interactions.services import log_interaction, remove_interaction
from campaigns.outreach.models import InboundMessage
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import find_locked, lock
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.doors import through
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Conflict, DomainError, NotAllowed
from crm.ids import new_uid

State = DroppedMail.State
OLDEST = timedelta(days=5 * 366)


# --- the address ------------------------------------------------------------------------------------------------------------
def make_dropbox(*, actor: User) -> Dropbox:
    """The officer's address; the one there is, when there is one."""
    if not actor.may(Action.LOG):
        raise NotAllowed(_("Your role does not let you log contacts, so there is nothing to drop. Nothing was made."))
    alive = Dropbox.objects.alive().filter(user=actor).first()
    if alive is not None:
        return alive
    try:
        with transaction.atomic():
            row = Dropbox.objects.create(user=actor, made_at=timezone.now())
            record(verb="dropbox.made", target=row, actor=actor, changes=[("made_at", None, row.made_at.isoformat())])
    except IntegrityError:  # two tabs at once: theirs will do
        return Dropbox.objects.alive().get(user=actor)
    return row


def renew_dropbox(*, actor: User) -> Dropbox:
    """Another address: what comes to the old one is not taken any more."""
    with transaction.atomic():
        alive = Dropbox.objects.alive().select_for_update().filter(user=actor).first()
        if alive is not None:
            alive.revoked_at = timezone.now()
            alive.save(update_fields=["revoked_at"])
            changes = [("revoked_at", None, alive.revoked_at.isoformat())]
            record(verb="dropbox.revoked", target=alive, actor=actor, changes=changes)
        return make_dropbox(actor=actor)


# --- what comes in ----------------------------------------------------------------------------------------------------------
def take(inbound: InboundMessage) -> bool:
    """Whether a new message came to a dropbox; if so all that follows from it is done, in the caller's transaction.

    A message counts by itself only when it comes from an address of the officer's own, by its words and by its envelope.
    """
    uid = read_dropbox(inbound.recipient)
    if uid is None:
        return False
    inbound.kind, inbound.handled_at = InboundMessage.Kind.DROPPED, timezone.now()
    dropbox = Dropbox.objects.alive().filter(uid=uid).select_related("user").first()
    if dropbox is None or not dropbox.user.is_active or not dropbox.user.may(Action.LOG):
        inbound.state, inbound.note = (
            InboundMessage.State.UNMATCHED,
            _("This dropbox address was renewed or taken back."),
        )
        return True
    inbound.state = InboundMessage.State.HANDLED
    own = own_addresses(dropbox.user)
    said = read_dropped(bytes(inbound.raw), own=own)
    if said.message_id and DroppedMail.objects.filter(user=dropbox.user, message_id=said.message_id).exists():
        inbound.note = _("It was dropped before.")
        return True
    with through(Door.TASK):
        _keep(inbound, dropbox, said, own)
    return True


def _keep(inbound: InboundMessage, dropbox: Dropbox, said: Dropped, own: set[str]) -> None:
    user, now = dropbox.user, timezone.now()
    parent = thread_of(said.references, user)
    found = match(said.addresses, user)
    if not found and not found.is_ambiguous and parent is not None:
        found = of_thread(parent)
    at = said.at if said.at and now - OLDEST < said.at <= now else inbound.received_at
    mail = DroppedMail.objects.create(
        dropbox=dropbox, user=user, inbound=inbound, message_id=said.message_id, thread=parent.thread if parent else new_uid(),
        sender=(said.author or inbound.sender)[:320], addresses=[list(row) for row in said.addresses],
        is_from_them=said.is_from_them, subject=said.subject, text=said.text, at=at,
        why=_why_it_waits(said, inbound, own, found) or _("It is being filed."),
    )  # fmt: skip
    keep_attachments(mail, bytes(inbound.raw))
    if not _why_it_waits(said, inbound, own, found):
        try:
            file_mail(mail=mail, actor=user, people=found.people, organizations=found.organizations)
        except DomainError as error:
            DroppedMail.objects.filter(pk=mail.pk).update(why=error.message[:300])


def _why_it_waits(said: Dropped, inbound: InboundMessage, own: set[str], found: Match) -> str:
    envelope = key_of(inbound.sender) if inbound.sender else ""
    if said.author not in own or (envelope and envelope not in own):
        return _("It does not come from an address that we know as yours.")
    if found.is_ambiguous:
        return _("One of its addresses belongs to more than one person or institution.")
    if not found:
        return _("Nobody in the directory has one of its addresses.")
    return ""


# --- file and dismiss -------------------------------------------------------------------------------------------------------
def file_mail(
    *, mail: DroppedMail, actor: User, people: Sequence[Person] = (), organizations: Sequence[Organization] = ()
) -> AuditEntry | None:
    """Log it with these. The words move into the log. None when it was filed or dismissed already: the second click does nothing."""
    with transaction.atomic():
        row: DroppedMail = lock(mail)
        if row.state != State.WAITING:
            return None
        logged = log_interaction(
            actor=actor, kind="message", people=people, organizations=organizations, at=row.at, is_two_way=row.is_from_them,
            text=f"{row.subject}\n\n{row.text}".strip(), subject=row.subject, override_reason=_("It was sent already, by their own mail program."),
        ).interaction  # fmt: skip
        row.state, row.interaction, row.settled_at, row.text, row.why = State.FILED, logged, timezone.now(), "", ""
        row.save(update_fields=["state", "interaction", "settled_at", "text", "why"])
        changes = [("state", State.WAITING.value, State.FILED.value)]
        return record(verb="dropped_mail.filed", object_type="dropped_mail", target=row, actor=actor, changes=changes)


def dismiss_mail(*, mail: DroppedMail, actor: User) -> AuditEntry | None:
    """It is not to be logged. None when that was decided already."""
    with transaction.atomic():
        row: DroppedMail = lock(mail)
        if row.state != State.WAITING:
            return None
        row.state, row.settled_at = State.DISMISSED, timezone.now()
        row.save(update_fields=["state", "settled_at"])
        changes = [("state", State.WAITING.value, State.DISMISSED.value)]
        return record(
            verb="dropped_mail.dismissed", object_type="dropped_mail", target=row, actor=actor, changes=changes
        )


def restore_mail(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """It waits again; what was logged of it is taken away, and its words come back."""
    row: DroppedMail = find_locked(DroppedMail, uid)
    if row.user_id != actor.pk:
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if row.state != expected.get("state"):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if row.interaction is not None:
        row.text = row.interaction.text.removeprefix(row.subject).strip()
        remove_interaction(interaction=row.interaction, actor=actor)
    row.state, row.interaction, row.settled_at, row.why = State.WAITING, None, None, _("Taken back.")
    row.save(update_fields=["state", "interaction", "settled_at", "text", "why"])
