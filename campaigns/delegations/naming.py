"""Somebody is named for a seat, changed, withdrawn or replaced: by the signed link, in a partner's account, or by staff.

Each is one transaction under the locks of the event and of the delegation. For one role and constituency no more stand (named or
accepted) than there are seats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delegations.composing import lock
from campaigns.delegations.models import Delegation, DelegationSeats, Nomination, NominationMove, Nominator
from campaigns.events.seats import give_back, move_up
from campaigns.interactions.words import one_line
from contacts.consent.addresses import address_hash, address_hashes, address_key
from contacts.directory.models import Constituency
from crm.accounts.models import User
from crm.audit.models import AuditEntry, Door
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState

State = Nomination.State
FIELDS = ("name", "honorific", "function", "email", "gender", "passport_name", "language")


@dataclass(frozen=True)
class Named:
    """Somebody as they are named. email may be empty when staff name them; gender is one of Nomination.Gender."""

    name: str
    email: str = ""
    honorific: str = ""
    function: str = ""
    gender: str = ""
    passport_name: str = ""
    language: str = field(default="")

    def cleaned(self) -> Named:
        """On one line each, without what hides or turns text. Raises Invalid for an address that is none."""
        name, email = one_line(self.name, most=200), self.email.strip()
        if not name:
            raise Invalid(_("Write their name."), code="no_name")
        if email:
            address_key(email)
        if self.gender not in Nomination.Gender.values:
            raise Invalid(_("Choose one of these."), code="gender")
        return replace(
            self, name=name, email=email, honorific=one_line(self.honorific, most=60), function=one_line(self.function, most=200),
            passport_name=one_line(self.passport_name, most=200),
        )  # fmt: skip


def nominate(
    *,
    delegation: Delegation,
    constituency: Constituency,
    role: str,
    who: Named,
    by: Nominator | None = None,
    actor: User | None = None,
    replaces: Nomination | None = None,
    form_key: UUID | None = None,
) -> Nomination:
    """Name somebody for a seat. by: whose link or account it is; without one, staff (`actor`).

    replaces: who does not come after all, and whose seat it is. form_key: one form names once. Raises Conflict where every seat has a
    name (`no_seat`), where they are named already (`named_already`), and by a link after the last day (`over`).
    """
    who = who.cleaned()
    if form_key and (known := Nomination.objects.filter(form_key=form_key, delegation=delegation, named_by=by).first()):
        return known
    with transaction.atomic():
        row = lock(delegation)
        if form_key and (known := Nomination.objects.filter(form_key=form_key).first()):
            if known.delegation_id == row.pk and known.named_by_id == (by.pk if by else None):
                return known
            raise Conflict(_("This form was used already. Open the page anew."), code="used")
        may_name(row, constituency, by)
        if replaces is not None:
            replaces = _live(row, replaces, by)
            constituency, role = replaces.constituency, replaces.role
        seats = row.seats.filter(constituency=constituency, role=role).first()
        if seats is None or not seats.seats:
            raise Invalid(_("This delegation has no such seat."), code="no_such_seat")
        hashes = address_hashes(address_key(who.email)) if who.email else []
        standing = row.nominations.live()
        if replaces is not None:
            standing = standing.exclude(pk=replaces.pk)
        if hashes and standing.filter(address_hash__in=hashes).exists():
            raise Conflict(_("Somebody with this address is named already."), code="named_already")
        if standing.filter(constituency=constituency, role=role).count() >= seats.seats:
            raise Conflict(_("Every seat of this kind has a name. Withdraw or replace somebody first."), code="no_seat")
        if replaces is not None:
            _end(row, replaces, State.REPLACED, actor)
        made = Nomination.objects.create(
            delegation=row, constituency=constituency, role=role, named_by=by, form_key=form_key, replaces=replaces,
            organization=by.organization if by else row.organization, address_hash=address_hash(address_key(who.email)) if who.email else None,
            **_values(who, by.language if by else row.language),
        )  # fmt: skip
        moved(made, actor)
        changes: list[Change] = [
            ("name", None, made.name),
            ("role", None, role),
            ("constituency", None, constituency.code),
        ]
        if replaces is not None:
            changes.append(("replaces", None, replaces.name))
        note(made, "nomination.proposed", actor, changes)
    return made


def _values(who: Named, language: str) -> dict[str, str]:
    return {name: getattr(who, name) for name in FIELDS} | {"language": who.language or language or "en"}


def may_name(row: Delegation, constituency: Constituency | None, by: Nominator | None) -> None:
    """Staff until the event begins; who has a link until the last day, for their own constituency."""
    if row.left_out_at or row.event.cancelled_at or row.event.starts_at <= timezone.now():
        raise Conflict(_("This delegation takes no names any more. Nothing was changed."), code="over")
    if by is None:
        return
    if not row.takes_names():
        raise Conflict(
            _("The last day for naming people is over. Nothing was changed: please write to us."), code="over"
        )
    current = Nominator.objects.filter(pk=by.pk, revoked_at=None, edition=by.edition, delegation=row).first()
    if current is None:
        raise NotAllowed(_("This link is over. Nothing was changed."))
    if constituency is not None and current.constituency_id not in (None, constituency.pk):
        raise NotAllowed(_("You name people for another constituency. Nothing was changed."))


def _live(row: Delegation, nomination: Nomination, by: Nominator | None) -> Nomination:
    """A nomination of this delegation that stands, and that this nominator may touch; StateError else."""
    rows = row.nominations.select_for_update(of=("self",)).select_related("constituency", "registration")
    found = rows.filter(pk=nomination.pk).first()
    if found is None:
        raise Invalid(_("They were named for another delegation."), code="replaces")
    may_name(row, found.constituency, by)
    if not found.is_live:
        raise WrongState(_("This was decided otherwise meanwhile, so nothing was changed."))
    return found


def change(
    *, nomination: Nomination, who: Named, by: Nominator | None = None, actor: User | None = None
) -> AuditEntry | None:
    """Another spelling, function or address. Who was sent back is named anew by it; who was accepted is staff's to change."""
    who = who.cleaned()
    with transaction.atomic():
        row = lock(nomination.delegation)
        found = row.nominations.select_for_update(of=("self",)).select_related("constituency").get(pk=nomination.pk)
        may_name(row, found.constituency, by)
        if found.state not in (State.PROPOSED, State.RETURNED) and not (actor and found.state == State.ACCEPTED):
            raise WrongState(_("This was decided meanwhile, so nothing was changed. Replace them instead."))
        values: dict[str, Any] = _values(who, found.language)
        changes: list[Change] = [(k, getattr(found, k), v) for k, v in values.items() if getattr(found, k) != v]
        is_again = found.state == State.RETURNED
        if not changes and not is_again:
            return None
        hashes = address_hashes(address_key(who.email)) if who.email else []
        if hashes and row.nominations.live().filter(address_hash__in=hashes).exclude(pk=found.pk).exists():
            raise Conflict(_("Somebody with this address is named already."), code="named_already")
        if is_again:
            _needs_seat(row, found)
            changes.append(("state", State.RETURNED.value, State.PROPOSED.value))
            found.state, found.reason, found.decided_at, found.decided_by = State.PROPOSED, "", None, None
        for name, value in values.items():
            setattr(found, name, value)
        found.address_hash = address_hash(address_key(who.email)) if who.email else None
        found.save()
        if is_again:
            moved(found, actor)
        return note(found, "nomination.edited", actor, changes)


def _needs_seat(row: Delegation, found: Nomination) -> None:
    seats = DelegationSeats.objects.filter(delegation=row, constituency=found.constituency, role=found.role).first()
    standing = row.nominations.live().filter(constituency=found.constituency, role=found.role).exclude(pk=found.pk)
    if seats is None or standing.count() >= seats.seats:
        raise Conflict(_("Every seat of this kind has a name. Withdraw or replace somebody first."), code="no_seat")


def withdraw(
    *, nomination: Nomination, by: Nominator | None = None, actor: User | None = None, words: str = ""
) -> AuditEntry | None:
    """They do not come after all; the seat is free. None when that was so already."""
    with transaction.atomic():
        row = lock(nomination.delegation)
        found = (
            row.nominations.select_for_update(of=("self",))
            .select_related("constituency", "registration")
            .get(pk=nomination.pk)
        )
        may_name(row, found.constituency, by)
        if found.state in (State.WITHDRAWN, State.REPLACED):
            return None
        before = found.state
        _end(row, found, State.WITHDRAWN, actor, words)
        return note(found, "nomination.withdrawn", actor, [("state", before, State.WITHDRAWN.value)])


def _end(row: Delegation, found: Nomination, state: State, actor: User | None, words: str = "") -> None:
    """Out of its seat, with what hangs on it: the count, the registration, tasks. row: locked."""
    was_accepted = found.state == State.ACCEPTED
    found.state = state
    found.save(update_fields=["state", "updated_at"])
    moved(found, actor, words)
    if was_accepted:
        free_seat(row, found)


def free_seat(row: Delegation, found: Nomination) -> None:
    """What an acceptance gave is taken back. row: locked; found: no longer accepted."""
    from campaigns.delegations.steps import drop_steps  # it accepts, and so reads this

    seats = row.seats.get(constituency=found.constituency, role=found.role)
    seats.taken = max(0, seats.taken - 1)
    seats.save(update_fields=["taken"])
    drop_steps(found)
    found.mails.filter(about="delegate", sent_at=None, closed_at=None).delete()
    if found.registration is not None and found.registration.state != "gone":
        give_back(row.event, found.registration)
        move_up(row.event)


def moved(row: Nomination, actor: User | None, words: str = "") -> None:
    NominationMove.objects.create(nomination=row, state=row.state, at=timezone.now(), by=actor, words=words[:500])


def note(row: Nomination, verb: str, actor: User | None, changes: list[Change]) -> AuditEntry:
    return record(
        verb=verb, target=row, actor=actor, door=None if actor else Door.LINK, changes=changes, summary=f"{row.name}: {row.delegation.label}",
        event={"event": str(row.delegation.event.uid), "delegation": str(row.delegation.uid), "state": row.state},
    )  # fmt: skip
