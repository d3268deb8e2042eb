"""The signed link by which an institution updates its commitment, and what staff make of what comes in.

Token: base64url(uid of the link) "." key id "." base64url(MAC), by crm.keyring. A guessed one fails by its MAC, a stolen one when it
is revoked. GET changes nothing; a POST is kept until staff accept or decline it.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment, CommitmentLink, CommitmentUpdate
from campaigns.commitments.services import clean, heard
from contacts.directory.services.editing import invalid, lock, plain, put
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid
from crm.ids import new_uid
from crm.keyring import seal, unseal

PURPOSE = "commitment"
Progress, State = CommitmentUpdate.Progress, CommitmentUpdate.State


def token_of(link: CommitmentLink) -> str:
    return seal(PURPOSE, link.uid.bytes)


def url_of(link: CommitmentLink) -> str:
    return settings.BASE_URL + reverse("promise", kwargs={"token": token_of(link)})


def read_token(token: str) -> UUID | None:
    """The uid of the link that a token was made for; None when we did not make it, however broken it is."""
    body = unseal(PURPOSE, token)
    return UUID(bytes=body) if body is not None and len(body) == 16 else None


def make_link(*, commitment: Commitment, actor: User) -> CommitmentLink:
    """The commitment's link; a new one when there is none alive."""
    with transaction.atomic():
        lock(commitment)
        alive = commitment.links.filter(revoked_at=None).first()
        if alive:
            return alive
        link = CommitmentLink.objects.create(commitment=commitment, made_by=actor, made_at=timezone.now())
        record(
            verb="commitment.link_made",
            target=commitment,
            actor=actor,
            changes=[("update_link", None, "made")],
            event={},
        )
        return link


def revoke_link(*, commitment: Commitment, actor: User) -> AuditEntry | None:
    """Whoever has the link sees a page that says it is over. None when there is none."""
    with transaction.atomic():
        lock(commitment)
        alive = commitment.links.filter(revoked_at=None)
        if not alive.update(revoked_at=timezone.now(), revoked_by=actor):
            return None
        changes = [("update_link", "made", None)]
        return record(verb="commitment.link_revoked", target=commitment, actor=actor, changes=changes, event={})


# --- what comes in ----------------------------------------------------------------------------------------------------
def take_update(
    *,
    link: CommitmentLink | None = None,
    commitment: Commitment | None = None,
    progress: str,
    text: str = "",
    evidence_link: str = "",
    new_due_on: date | None = None,
    written_by: str = "",
    form_key: UUID | None = None,
) -> CommitmentUpdate:
    """Keep what the institution says until staff decide: through its link, or (with `commitment`) in a partner's account.

    One form, sent twice, is kept once.
    """
    about = link.commitment if link else commitment
    if about is None:
        raise Invalid(_("Say which commitment it is about."), code="bad_value")
    if form_key and (known := CommitmentUpdate.objects.filter(form_key=form_key).first()):
        return known
    update = CommitmentUpdate(
        commitment=about, came_by=link, progress=progress, text=clean(text), link=evidence_link,
        new_due_on=new_due_on if progress == Progress.LATE else None, written_by=clean(written_by, 200),
        received_at=timezone.now(), form_key=form_key or new_uid(),
    )  # fmt: skip
    try:
        update.full_clean(exclude=["commitment", "came_by", "decided_by", "form_key"])
    except ValidationError as error:
        raise invalid(error) from error
    try:
        with transaction.atomic():
            if link and not CommitmentLink.objects.select_for_update().filter(pk=link.pk, revoked_at=None).exists():
                raise Conflict(_("This link is over. Nothing was sent."), code="link_revoked")
            update.save()
            record(verb="commitment.update_came", target=about, changes=[("update", None, progress)], event={"progress": progress})  # fmt: skip
    except IntegrityError:
        known = CommitmentUpdate.objects.filter(form_key=update.form_key).first()
        if known is None:
            raise
        return known
    return update


def accept_update(*, update: CommitmentUpdate, actor: User) -> AuditEntry | None:
    """Take it over: *done* settles the commitment as kept, *cannot* as broken, *late* with a date moves it. None if decided."""
    with transaction.atomic():
        row: CommitmentUpdate = lock(update)
        if row.state != State.WAITING:
            return None
        commitment: Commitment = lock(row.commitment)
        _decide(row, State.ACCEPTED, actor, "")
        after = _effect(commitment, row, actor)
        changes = [(f, plain(getattr(commitment, f)), plain(v)) for f, v in after.items()]
        if after:
            put(commitment, after)
        heard(commitment, timezone.localdate(row.received_at))
        changes += [(f"update:{row.uid}", State.WAITING.value, State.ACCEPTED.value)]
        event = {"progress": row.progress, "state": commitment.state}
        return record(verb="commitment.update_accepted", target=commitment, actor=actor, changes=changes, event=event)


def _effect(commitment: Commitment, update: CommitmentUpdate, actor: User) -> dict[str, Any]:
    if not commitment.is_open:
        return {}
    if update.progress == Progress.LATE and update.new_due_on and update.new_due_on >= commitment.made_on:
        return {"due_on": update.new_due_on}
    ends = {Progress.DONE: Commitment.State.KEPT, Progress.CANNOT: Commitment.State.BROKEN}.get(update.progress)  # type: ignore[call-overload]
    if not ends:
        return {}
    words = update.text or str(update.get_progress_display())
    return {
        "state": ends, "settled_at": timezone.now(), "settled_by": actor, "outcome": words, "outcome_link": update.link,
    }  # fmt: skip


def decline_update(*, update: CommitmentUpdate, actor: User, reason: str) -> AuditEntry | None:
    """Leave it aside, with the reason; it stays in the history. None if decided."""
    reason = clean(reason, 300)
    if not reason:
        raise Invalid(_("Say why. Nothing was changed."), code="no_reason")
    with transaction.atomic():
        row: CommitmentUpdate = lock(update)
        if row.state != State.WAITING:
            return None
        _decide(row, State.DECLINED, actor, reason)
        changes = [(f"update:{row.uid}", State.WAITING.value, State.DECLINED.value), ("reason", None, reason)]
        return record(verb="commitment.update_declined", target=row.commitment, actor=actor, changes=changes, event={})


def _decide(row: CommitmentUpdate, state: str, actor: User, reason: str) -> None:
    row.state, row.decided_at, row.decided_by, row.reason = state, timezone.now(), actor, reason
    row.save(update_fields=["state", "decided_at", "decided_by", "reason"])
