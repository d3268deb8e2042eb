"""What staff do with networks: make them, decide who joins, end a membership. Each is one transaction with one audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.forms.models import Form
from campaigns.forms.services import create_form
from campaigns.networks.letters import queue
from campaigns.networks.models import Application, Kind, Member, Network, NetworkLetter, Shown
from campaigns.networks.representatives import first_representative
from campaigns.planning.models import Campaign
from contacts.consent.models import LawfulBasis
from contacts.consent.services import grant_consent
from contacts.directory.models import Constituency, Country, Organization, Person
from contacts.directory.services import create_organization, create_person, start_membership
from contacts.directory.services.editing import (
    archive_row,
    find_locked,
    invalid,
    lock,
    plain,
    put,
    restore_fields,
    same,
)
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry, Door
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, WrongState

FIELDS = (
    "campaign", "name", "slug", "headlines", "leads", "charters", "kinds", "rule", "topic", "is_public",
    "has_directory", "votes_needed", "renews",
)  # fmt: skip
State = Application.State


# --- networks ---------------------------------------------------------------------------------------------------------
def create_network(*, actor: User, countries: Iterable[Country] = (), **values: Any) -> Network:
    """Begin a network. values: FIELDS. Raises Invalid for an address that another network has."""
    network, countries = Network(**values), list(countries)
    with transaction.atomic():
        _check(network)
        network.save()
        network.countries.set(countries)
        changes: list[Change] = [(f, None, plain(getattr(network, f))) for f in FIELDS if getattr(network, f)]
        if countries:
            changes.append(("countries", None, _codes(countries)))
        record(verb="network.created", target=network, actor=actor, changes=changes, event={})
    return network


def edit_network(
    *,
    network: Network,
    actor: User,
    seen_at: datetime | None = None,
    countries: Iterable[Country] | None = None,
    **values: Any,
) -> AuditEntry | None:
    """Change a network; None when nothing is different. seen_at: its `updated_at` as the form was opened; else StaleEdit."""
    with transaction.atomic():
        row: Network = lock(network)
        if seen_at is not None and row.updated_at != seen_at:
            raise StaleEdit(
                _("Somebody changed this network while you were editing. Your input is kept here; save again to replace theirs."),
                updated_at=row.updated_at,
            )  # fmt: skip
        changed = {field: value for field, value in values.items() if not same(getattr(row, field), value)}
        changes: list[Change] = [(f, plain(getattr(row, f)), plain(value)) for f, value in changed.items()]
        if countries is not None and (before := _codes(row.countries.all())) != (after := _codes(countries)):
            row.countries.set(countries)
            changes.append(("countries", before, after))
        if not changes:
            return None
        for field, value in changed.items():
            setattr(row, field, value)
        _check(row)
        row.save()
        return record(verb="network.edited", target=row, actor=actor, changes=changes, event={})


def ask_questions(*, network: Network, actor: User) -> Form:
    """The network's form, which staff fill with joining questions; a new one when it asks nothing yet."""
    with transaction.atomic():
        row: Network = lock(network)
        if row.form is not None:
            return row.form
        form = create_form(
            actor=actor, campaign=row.campaign, purpose=Form.Purpose.JOINING, name=row.name, names=row.names,
            slug=f"{row.slug[:45]}-{str(row.uid)[-8:]}",
        )  # fmt: skip
        row.form = form
        row.save(update_fields=["form", "updated_at"])
        network.form = form
        record(verb="network.asks", target=row, actor=actor, changes=[("form", None, str(form.uid))], event={})
    return form


def archive_network(*, network: Network, actor: User) -> AuditEntry | None:
    """Close a network: its page says so, and nobody can join. Members stay what they were."""
    return archive_row(target=network, actor=actor, verb="network.archived")


def _check(network: Network) -> None:
    try:
        network.full_clean(exclude=["sort_key", "search_text"])
    except ValidationError as error:
        raise invalid(error) from error


def _codes(rows: Iterable[Any]) -> list[str]:
    return sorted(row.code for row in rows)


def restore_network(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    row = find_locked(Network, uid)
    _may(Network.objects, row, actor, Action.DRIVES)
    if "name" in values and values["name"] is None:  # it was made by this entry
        archive_row(target=row, actor=actor, verb="network.archived")
        return
    plain_values = {field: value for field, value in values.items() if field not in {"countries", "campaign", "topic"}}
    if "countries" in values:
        if _codes(row.countries.all()) != expected["countries"]:
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        row.countries.set(Country.objects.filter(code__in=values["countries"]))
    for field, model in (("campaign", Campaign), ("topic", row._meta.get_field("topic").related_model)):
        if field in values:
            if not same(getattr(row, field), expected[field]):
                raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
            put(row, {field: model.objects.get(uid=values[field]) if values[field] else None})
    restore_fields(row, plain_values, expected)


def _may(rows: Any, row: Any, actor: User, action: Action) -> None:
    if not rows.visible_to(actor, action).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))


# --- applications -----------------------------------------------------------------------------------------------------
def accept(
    *,
    application: Application,
    actor: User | None,
    person: Person | None = None,
    organization: Organization | None = None,
    constituency: Constituency | None = None,
) -> Member:
    """Take somebody in. Without `person` or `organization` they are added to the directory as they named themselves.

    actor: None when the network's rule does it. Raises WrongState when it is decided already, Conflict for a member.
    """
    with transaction.atomic():
        row = _locked(application, State.ACCEPTED)
        if row.kind == Kind.INSTITUTION and organization is None:
            organization = _new_organization(row, actor, constituency or row.constituency)
        if row.kind == Kind.INDIVIDUAL:
            organization = None
        person = person or _new_person(row, actor)
        if organization and not person.memberships.filter(organization=organization, ended_on__isnull=True).exists():
            start_membership(person=person, organization=organization, actor=actor)
        try:
            with transaction.atomic():
                member = Member.objects.create(
                    network=row.network,
                    organization=organization,
                    person=None if organization else person,
                    contact=person if organization else None,
                    is_listed=row.wants_listing,
                    joined_at=timezone.now(),
                    brought_by=row.brought_by,
                )
        except IntegrityError:
            who = organization.label if organization else person.label
            raise Conflict(_("%(who)s is a member of this network already.") % {"who": who}, code="member") from None
        if organization:
            first_representative(member, person, language=row.language)
        if row.wants_letter and row.network.topic and row.network.topic.archived_at is None:
            grant_consent(
                subject=person, topic=row.network.topic, lawful_basis=LawfulBasis.CONSENT, source="network",
                evidence=_evidence(row), address=row.email, door=Door.LINK, at=row.confirmed_at,
            )  # fmt: skip
        _close(row, State.ACCEPTED, actor)
        row.member = member
        row.save(update_fields=["member", "updated_at"])
        queue(row, NetworkLetter.About.WELCOME)
        record(
            verb="member.joined",
            target=member,
            actor=actor,
            door=None if actor else Door.LINK,
            changes=[("joined_at", None, plain(member.joined_at)), ("network", None, row.network.name)],
            summary=member.label,
            event={"network": str(row.network.uid), "kind": member.kind},
        )
    return member


def decline(*, application: Application, actor: User, reason: str = "") -> AuditEntry:
    """Refuse, with a reason that the letter quotes; without one the letter gives none. Until it left, undo takes it back."""
    with transaction.atomic():
        row = _locked(application, State.DECLINED)
        row.reason = reason.strip()
        _close(row, State.DECLINED, actor)
        queue(row, NetworkLetter.About.DECLINED, wait=timedelta(minutes=5))
        return record(
            verb="application.declined",
            target=row,
            actor=actor,
            changes=[("state", State.CONFIRMED.value, State.DECLINED.value)],
            summary=row.label,
            event={"network": str(row.network.uid)},
        )


def restore_application(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of a refusal, as long as its letter did not go."""
    del values, expected
    row = find_locked(Application, uid)
    _may(Application.objects, row, actor, Action.DRIVES)
    letter = row.letters.select_for_update().filter(about=NetworkLetter.About.DECLINED).first()
    if row.state != State.DECLINED or (letter and letter.sent_at):
        raise Conflict(_("The letter has left, so this stays as it is. They may apply again."), code="letter_left")
    if letter:
        letter.delete()
    row.state, row.decided_at, row.decided_by, row.reason = State.CONFIRMED, None, None, ""
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "updated_at"])


def _locked(application: Application, to: str) -> Application:
    row = Application.objects.select_for_update(of=("self",)).select_related("network__topic").get(pk=application.pk)
    if to not in Application.MOVES[row.state]:
        raise WrongState(
            _("This application is %(state)s already, so nothing was changed.") % {"state": row.get_state_display()}
        )
    return row


def _close(row: Application, state: State, actor: User | None) -> None:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "updated_at"])


def _new_organization(row: Application, actor: User | None, constituency: Constituency | None) -> Organization:
    if constituency is None:
        raise Invalid(_("Choose the constituency of the new institution."), code="no_constituency")
    return create_organization(
        actor=actor,
        name=row.organization_name,
        constituency=constituency,
        country=row.country,
        language=row.language,
    )


def _new_person(row: Application, actor: User | None) -> Person:
    return create_person(actor=actor, name=row.name, country=row.country, language=row.language, email=row.email)


def _evidence(row: Application) -> str:
    return (
        f"Asked for on the page of the network “{row.network.name}”, and the address confirmed with a button on the page"
        f" that a mail led to ({row.agent or 'program not known'}). Application {row.uid}."
    )


# --- members ----------------------------------------------------------------------------------------------------------
def end_membership(*, member: Member, actor: User | None) -> AuditEntry | None:
    """They leave, by staff or (without an actor) by their own link. Once; afterwards they may join again."""
    with transaction.atomic():
        row: Member = lock(member)
        if row.left_at:
            return None
        row.left_at, row.left_by_link = timezone.now(), actor is None
        row.save(update_fields=["left_at", "left_by_link", "updated_at"])
        return record(
            verb="member.left",
            target=row,
            actor=actor,
            door=None if actor else Door.LINK,
            changes=[("left_at", None, plain(row.left_at))],
            summary=row.label,
            event={"network": str(row.network.uid)},
        )


def list_member(
    *, member: Member, is_listed: bool, shows: Iterable[str] | None = None, actor: User | None
) -> AuditEntry | None:
    """Show them in the public directory, or not; shows: of `Shown`, what it says of them, None for as it was. None when it is so already."""
    with transaction.atomic():
        row: Member = lock(member)
        said = row.shows if shows is None else [field for field in Shown.values if field in set(shows)]
        changes: list[Change] = [
            (name, before, after)
            for name, before, after in (("is_listed", row.is_listed, is_listed), ("shows", row.shows, said))
            if before != after
        ]
        if not changes:
            return None
        row.is_listed, row.shows = is_listed, said
        row.save(update_fields=["is_listed", "shows", "updated_at"])
        return record(
            verb="member.listed",
            target=row,
            actor=actor,
            door=None if actor else Door.LINK,
            changes=changes,
            summary=row.label,
        )


def let_decide(*, member: Member, decides: bool, actor: User) -> AuditEntry | None:
    """Whether they are asked about those who want to join, where members decide. None when it is so already."""
    with transaction.atomic():
        row: Member = lock(member)
        if row.decides == decides:
            return None
        row.decides = decides
        row.save(update_fields=["decides", "updated_at"])
        changes: list[Change] = [("decides", not decides, decides)]
        return record(verb="member.decides", target=row, actor=actor, changes=changes, summary=row.label)


def restore_member(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Undo of an end by staff, or of the listing. Who left by themselves comes back by themselves."""
    row = find_locked(Member, uid)
    if not Member.objects.visible_to(actor, Action.DRIVES).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    if "left_at" in values and row.left_by_link:
        raise Conflict(_("They left by their own link, so only they can come back."), code="left_by_link")
    if row.has_lapsed or "renewed_at" in values:
        raise Conflict(_("Their year is theirs to answer for: ask them to join again."), code="lapsed")
    restore_fields(row, values, expected)
