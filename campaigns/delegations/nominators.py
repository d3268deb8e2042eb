"""Who names people for a delegation: the institution, by which address, and the links that they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delegations.composing import language_for, lock
from campaigns.delegations.models import Delegation, Nominator
from campaigns.events.models import Event
from contacts.consent.addresses import address_hash, address_key
from contacts.directory.models import Constituency, Membership, Organization, Person, Post
from contacts.directory.services.editing import find_locked, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed, WrongState


def add_nominator(
    *,
    delegation: Delegation,
    actor: User,
    organization: Organization,
    constituency: Constituency | None = None,
    post: Post | None = None,
    person: Person | None = None,
    email: str = "",
) -> Nominator:
    """An institution that names people for a delegation (one constituency, or all): by the address that is given, else that of the post,
    of who holds it, or of the institution. Raises Invalid where no mail can go and where there is no seat to name for, Conflict when it
    names for it already."""
    if post is not None and post.organization_id != organization.pk:
        raise Invalid(
            _("This post is not of that institution."),
            code="post",
            errors=[("post", _("This post is not of that institution."))],
        )
    email = email.strip() or address_for(organization, post, person)
    key = address_key(email) if email else ""
    if not key:
        raise Invalid(
            _("%(name)s has no e-mail address here. Give one.") % {"name": organization.label}, code="no_address"
        )
    with transaction.atomic():
        row = lock(delegation)
        if row.left_out_at:
            raise WrongState(_("This delegation does not take part, so nothing was changed."))
        if constituency is not None and not row.seats.filter(constituency=constituency, seats__gt=0).exists():
            raise Invalid(
                _("This delegation has no seat of %(side)s.") % {"side": constituency.label}, code="no_such_seat"
            )
        known = row.nominators.filter(organization=organization, constituency=constituency).first()
        if known is not None and known.revoked_at is None:
            raise Conflict(
                _("%(name)s names people here already.") % {"name": organization.label}, code="names_already"
            )
        made = known or Nominator(delegation=row, organization=organization, constituency=constituency)
        made.post, made.person, made.email, made.address_hash = post, person, email, address_hash(key)
        made.language = row.language or language_for(organization)
        made.revoked_at, made.edition = None, made.edition + (known is not None)
        made.save()
        record(
            verb="nominator.added", target=made, actor=actor, summary=f"{made.label}: {row.label}",
            changes=[("organization", None, str(organization.uid)), ("constituency", None, constituency.code if constituency else None)],
            event={"event": str(row.event.uid), "delegation": str(row.uid)},
        )  # fmt: skip
    return made


def address_for(organization: Organization, post: Post | None = None, person: Person | None = None) -> str:
    """Of the person, of the post, of who holds it, of the institution: the first that works."""
    owners: list[Person | Post | Organization | None] = [person, post]
    if post is not None:
        held = Membership.objects.current().filter(post=post).select_related("person")
        membership = held.order_by("-is_primary", "pk").first()
        owners.append(membership.person if membership else None)
    for owner in (*owners, organization):
        if owner is not None and (point := owner.contact_points.best()):
            return point.value
    return ""


def find_nominators(*, event: Event, actor: User, constituency: Constituency, words: str = "") -> tuple[int, list[str]]:
    """For each delegation without anybody who names for a constituency: an institution of it in that country, by a post whose title has
    `words` (Permanent Representative), heads first. Returns how many were found, and the delegations where nobody was."""
    found, missing = 0, []
    busy = Nominator.objects.live().filter(delegation__event=event).filter(constituency__in=[constituency.pk])
    rows = (
        event.delegations.taking_part()
        .visible_to(actor, Action.DRIVES)
        .select_related("country", "organization", "event")
    )
    rows = rows.filter(seats__constituency=constituency, seats__seats__gt=0).distinct()
    for row in rows.exclude(pk__in=busy.values("delegation")):
        posts = Post.objects.filter(archived_at=None, organization__archived_at=None).select_related("organization")
        if row.organization_id:
            posts = posts.filter(organization=row.organization_id)
        else:
            posts = posts.filter(
                organization__country=row.country_id, organization__constituency__root_code=constituency.root_code
            )
        if words.strip():
            posts = posts.search(words)
        for post in posts.order_by("-is_head", "organization__sort_key", "pk")[:20]:
            if address_for(post.organization, post):
                add_nominator(
                    delegation=row, actor=actor, organization=post.organization, constituency=constituency, post=post
                )
                found += 1
                break
        else:
            missing.append(row.label)
    return found, missing


def revoke_link(*, nominator: Nominator, actor: User) -> AuditEntry | None:
    """Its link opens nothing any more. None when it was so already."""
    with transaction.atomic():
        row = _locked(nominator)
        if row.revoked_at:
            return None
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at", "updated_at"])
        row.mails.filter(sent_at=None, closed_at=None).delete()
        return record(
            verb="nominator.revoked", target=row, actor=actor, summary=row.label, changes=[("revoked_at", None, plain(row.revoked_at))],
            event={"delegation": str(row.delegation.uid)},
        )  # fmt: skip


def renew_link(*, nominator: Nominator, actor: User) -> Nominator:
    """A new link; those before, wherever they were passed on to, open nothing."""
    with transaction.atomic():
        row = _locked(nominator)
        before = row.edition
        row.edition, row.revoked_at = before + 1, None
        row.save(update_fields=["edition", "revoked_at", "updated_at"])
        record(
            verb="nominator.renewed", target=row, actor=actor, summary=row.label, changes=[("edition", before, row.edition)],
            event={"delegation": str(row.delegation.uid)},
        )  # fmt: skip
    return row


def restore_nominator(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of adding: the link is revoked. Of revoking: it opens again."""
    row: Nominator = find_locked(Nominator, uid)
    if not Nominator.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row.revoked_at = None if "revoked_at" in values else timezone.now()
    row.save(update_fields=["revoked_at", "updated_at"])


def _locked(nominator: Nominator) -> Nominator:
    lock(nominator.delegation)
    return (
        Nominator.objects.select_for_update(of=("self",))
        .select_related("organization", "delegation__event")
        .get(pk=nominator.pk)
    )
