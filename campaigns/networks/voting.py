"""Members decide who joins: those who are marked for it are asked by mail, and answer by a button behind a signed link."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from campaigns.networks.letters import queue_vote
from campaigns.networks.matching import person_at, speaks_for, surely_new_or_known
from campaigns.networks.models import Application, Kind, Network, Vote
from contacts.directory.models import Person
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid

MOST_ASKED = 50  # of one application; a network with more who decide asks the longest members


def ask_members(application: Application) -> int:
    """Ask who decides in this network; returns how many are asked. In the caller's transaction; asking twice asks once."""
    network = application.network
    if network.rule != Network.Rule.MEMBERS or application.state != Application.State.CONFIRMED:
        return 0
    deciders = network.members.present().filter(decides=True).order_by("joined_at", "pk")[:MOST_ASKED]
    now = timezone.now()
    Vote.objects.bulk_create(
        [Vote(application=application, member=member, asked_at=now) for member in deciders], ignore_conflicts=True
    )
    votes = list(application.votes.filter(answered_at__isnull=True, letters__isnull=True))
    for vote in votes:
        queue_vote(vote)
    return len(votes)


def say(*, vote: Vote, is_yes: bool) -> Vote:
    """A member's answer. It may be changed as long as nothing is decided; the vote that makes the number lets the applicant in.

    Somebody who may be in the directory already waits for staff all the same: only staff see who is whom. So does who names an
    institution of the directory from an address that is not known to be of it.
    """
    with transaction.atomic():
        application = (
            Application.objects.select_for_update(of=("self",))
            .select_related("network__topic", "constituency", "country")
            .get(pk=vote.application_id)
        )
        row = Vote.objects.select_for_update(of=("self",)).select_related("member").get(pk=vote.pk)
        is_open = application.state == Application.State.CONFIRMED
        if not is_open or row.member.left_at or row.is_yes == is_yes:
            return row
        row.is_yes, row.answered_at = is_yes, timezone.now()
        row.save(update_fields=["is_yes", "answered_at"])
        record(
            verb="application.voted", target=application, door=Door.LINK, summary=application.label,
            changes=[(f"vote:{row.member.uid}", None, is_yes)],
        )  # fmt: skip
        if application.network.rule == Network.Rule.MEMBERS:
            _let_in_when_enough(application)
    return row


def voter(vote: Vote, person_uid: UUID | None) -> Person | None:
    """Whoever holds the link of a vote, as long as they may answer for the member: the individual, the institution's contact, or one
    who represents it now. A link of old names nobody, and is an individual's only."""
    member = vote.member
    if member.left_at:
        return None
    if person_uid is None:
        return member.person
    if holder := next((one for one in (member.person, member.contact) if one and one.uid == person_uid), None):
        return holder
    acting = member.representatives.current().filter(person__uid=person_uid).select_related("person").first()
    return acting.person if acting else None


def yes_of(application: Application) -> int:
    return application.votes.filter(is_yes=True, member__left_at__isnull=True).count()


def _let_in_when_enough(application: Application) -> None:
    from campaigns.networks.services import accept  # services ask members, and members' answers use services

    if yes_of(application) < application.network.votes_needed:
        return
    known = surely_new_or_known(application)
    if known is None or (known.organization is not None and not speaks_for(application, known.organization)):
        return
    try:
        with transaction.atomic():
            accept(
                application=application,
                actor=None,
                person=person_at(application.email),
                organization=known.organization if application.kind == Kind.INSTITUTION else None,
            )
    except (Conflict, Invalid):  # a member already, or an institution of no known kind: staff see it
        return
