"""Who acts for an institution: named by its people through their signed link or account, let in by staff or by its own administrator."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.networks.letters import queue_named
from campaigns.networks.matching import person_at
from campaigns.networks.models import Member, Representative
from contacts.consent.addresses import address_hash, address_hashes, address_key
from contacts.consent.models import Suppression
from contacts.directory.models import Person
from contacts.directory.services import create_person, start_membership
from crm.accounts.models import User
from crm.audit.models import AuditEntry, Door
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState

State = Representative.State
MOST = 20  # who may act for one institution at a time, those who wait included


def first_representative(member: Member, person: Person, *, post: str = "", language: str = "") -> Representative:
    """Whoever joined for an institution acts for it, and is its contact. In the caller's transaction."""
    row, _made = Representative.objects.get_or_create(
        member=member,
        person=person,
        state=State.CURRENT,
        defaults={
            "name": person.label, "post": post, "language": language or person.language or "en",
            "decided_at": timezone.now(),
        },
    )  # fmt: skip
    return row


def name_representative(
    *,
    member: Member,
    name: str,
    email: str,
    post: str = "",
    language: str = "",
    by: Representative | None = None,
    actor: User | None = None,
) -> Representative:
    """Name somebody who is to act for the institution. By staff (`actor`) or its administrator they are in at once; else staff decide.

    Naming one who is named already changes nothing. Raises Invalid for an address that is none, Conflict when there are too many.
    """
    if not member.organization_id:
        raise Invalid(_("Only institutions have representatives."), code="not_an_institution")
    name = name.strip()[:200]
    if not name:
        raise Invalid(_("Write their name."), code="no_name")
    key = address_key(email)
    with transaction.atomic():
        locked = (
            Member.objects.select_for_update(of=("self",)).select_related("network", "organization").get(pk=member.pk)
        )
        if locked.left_at:
            raise WrongState(_("This institution is no longer a member, so nothing was changed."))
        live = locked.representatives.filter(state__in=Representative.LIVE)
        hashes = address_hashes(key)
        known = person_at(email)
        same = next(
            (row for row in live if bytes(row.address_hash or b"") in hashes or (known and row.person_id == known.pk)),
            None,
        )
        if same is not None:
            return same
        if live.count() >= MOST:
            raise Conflict(
                _("%(n)s people act for this institution already. End one first.") % {"n": MOST}, code="too_many"
            )
        row = Representative.objects.create(
            member=locked, name=name, post=post.strip()[:200], email=email.strip(), address_hash=address_hash(key),
            language=language or (locked.organization.language if locked.organization else "") or "en", named_by=by,
        )  # fmt: skip
        record(
            verb="representative.proposed", target=row, actor=actor, door=None if actor else Door.LINK,
            changes=[("name", None, name), ("post", None, row.post)], summary=f"{row.label}: {locked.label}",
            event={"member": str(locked.uid)},
        )  # fmt: skip
        if actor is not None or (by is not None and by.is_admin):
            _let_in(row, actor=actor, person=known)
    return row


def accept_representative(
    *, representative: Representative, actor: User, person: Person | None = None
) -> Representative:
    """Staff say yes. person: who of the directory it is; None adds them as they were named, or takes who has the address."""
    with transaction.atomic():
        row = _locked(representative)
        if row.state != State.PROPOSED:
            raise WrongState(_("This was decided already, so nothing was changed."))
        _let_in(row, actor=actor, person=person or person_at(row.email))
    return row


def _let_in(row: Representative, *, actor: User | None, person: Person | None) -> None:
    organization = row.member.organization
    if person is None:
        person = create_person(actor=actor, name=row.name, language=row.language, email=row.email)
    if not person.memberships.filter(organization=organization, ended_on__isnull=True).exists():
        start_membership(person=person, organization=organization, role=row.post, actor=actor)
    row.person, row.state, row.decided_at, row.decided_by = person, State.CURRENT, timezone.now(), actor
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(
            _("%(who)s acts for this institution already.") % {"who": person.label}, code="represents"
        ) from None
    if row.member.contact_id is None:
        Member.objects.filter(pk=row.member_id).update(contact=person)
    _note(row, "representative.accepted", actor, [("state", State.PROPOSED.value, State.CURRENT.value)])
    if not Suppression.objects.filter(address_hash__in=address_hashes(address_key(row.email))).exists():
        queue_named(row)


def decline_representative(*, representative: Representative, actor: User) -> AuditEntry | None:
    """Staff say no; who named them sees it on their page. None when it is decided."""
    with transaction.atomic():
        row = _locked(representative)
        if row.state != State.PROPOSED:
            return None
        row.state, row.decided_at, row.decided_by = State.DECLINED, timezone.now(), actor
        row.save()
        return _note(row, "representative.declined", actor, [("state", State.PROPOSED.value, State.DECLINED.value)])


def end_representative(
    *, representative: Representative, by: Representative | None = None, actor: User | None = None
) -> AuditEntry | None:
    """They act no longer. One ends oneself, an administrator of the institution and staff end anybody; others only ask for it.

    The institution's contact is then whoever else acts for it. None when nothing changed.
    """
    with transaction.atomic():
        row = _locked(representative)
        if row.state not in Representative.LIVE:
            return None
        if actor is None and not _may_end(row, by):
            if by is None or by.member_id != row.member_id:
                raise NotAllowed(_("Only people of the same institution can change this."))
            if row.state == State.PROPOSED or row.end_asked_at:
                return None
            row.end_asked_at = timezone.now()
            row.save(update_fields=["end_asked_at", "updated_at"])
            return _note(row, "representative.end_asked", None, [("end_asked_at", None, row.end_asked_at.isoformat())])
        before = row.state
        row.state, row.ended_at, row.is_admin, row.end_asked_at = State.ENDED, timezone.now(), False, None
        row.decided_at = row.decided_at or row.ended_at
        row.save()
        _another_contact(row)
        return _note(row, "representative.ended", actor, [("state", before, State.ENDED.value)])


def keep_representative(*, representative: Representative, actor: User) -> AuditEntry | None:
    """Staff leave them in place although their institution asked otherwise."""
    with transaction.atomic():
        row = _locked(representative)
        if row.end_asked_at is None:
            return None
        asked, row.end_asked_at = row.end_asked_at, None
        row.save(update_fields=["end_asked_at", "updated_at"])
        return _note(row, "representative.kept", actor, [("end_asked_at", asked.isoformat(), None)])


def set_admin(
    *, representative: Representative, is_admin: bool, by: Representative | None = None, actor: User | None = None
) -> AuditEntry | None:
    """Whether they name and end representatives without staff. Staff say so, or another administrator of the institution."""
    with transaction.atomic():
        row = _locked(representative)
        if actor is None and (by is None or not by.is_admin or by.member_id != row.member_id):
            raise NotAllowed(_("Only an administrator of the institution can change this."))
        if row.state != State.CURRENT:
            raise WrongState(_("They do not act for the institution now, so nothing was changed."))
        if row.is_admin == is_admin:
            return None
        row.is_admin = is_admin
        row.save(update_fields=["is_admin", "updated_at"])
        return _note(row, "representative.trusted", actor, [("is_admin", not is_admin, is_admin)])


def _may_end(row: Representative, by: Representative | None) -> bool:
    if by is None or by.member_id != row.member_id or by.state != State.CURRENT:
        return False
    return by.is_admin or by.pk == row.pk or (row.state == State.PROPOSED and row.named_by_id == by.pk)


def _another_contact(row: Representative) -> None:
    member = Member.objects.select_for_update().get(pk=row.member_id)
    if member.contact_id != row.person_id or row.person_id is None:
        return
    others = member.representatives.current().order_by("-is_admin", "decided_at", "pk")
    next_one = others.exclude(pk=row.pk).first()
    member.contact = next_one.person if next_one else None
    member.save(update_fields=["contact", "updated_at"])


def _locked(representative: Representative) -> Representative:
    rows = Representative.objects.select_for_update(of=("self",)).select_related(
        "member__network", "member__organization"
    )
    return rows.get(pk=representative.pk)


def _note(row: Representative, verb: str, actor: User | None, changes: list[Change]) -> AuditEntry:
    return record(
        verb=verb, target=row, actor=actor, door=None if actor else Door.LINK, changes=changes,
        summary=f"{row.label}: {row.member.label}", event={"member": str(row.member.uid)},
    )  # fmt: skip
