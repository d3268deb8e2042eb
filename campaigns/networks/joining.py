"""What a visitor does: apply, and confirm the address. Nothing here tells whether somebody was known before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns.files.storage import release_all
from campaigns.forms.asking import take
from campaigns.networks import services, voting
from campaigns.networks.letters import queue
from campaigns.networks.matching import person_at
from campaigns.networks.models import Application, ApplicationFile, Kind, Member, Network, NetworkLetter
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Conflict

State = Application.State
FIELDS = (
    "kind", "name", "organization_name", "constituency", "country", "answers", "wants_listing", "wants_letter",
)  # fmt: skip


def apply(
    *,
    network: Network,
    email: str,
    language: str,
    brought_by: Member | None = None,
    files: Callable[[], Iterable[Any]] | None = None,
    **values: Any,
) -> Application | None:
    """Take an application and have the letter sent that asks to confirm it. values: FIELDS. files: stores those that came along.

    Applying again before that replaces what was said. None, with the same answer to the visitor, where nothing is sent: the
    address is on the list of those never written to, it waits for staff already, or was asked three times today.
    """
    said = {field: values[field] for field in FIELDS if field in values}
    row: Application | None = take(
        network.applications,
        email=email,
        limit=("network-letter", str(network.uid)),
        said=said | {"language": language, "brought_by": brought_by},
        files=files,
        queue=lambda row: queue(row, NetworkLetter.About.CONFIRM),
    )
    return row


@dataclass(frozen=True)
class Answer:
    """What pressing the button led to. `is_late`: the link is over; else the application as it is now."""

    application: Application | None
    is_late: bool = False


def find(uid: UUID) -> Answer:
    row = Application.objects.select_related("network__campaign", "member__contact").filter(uid=uid).first()
    return Answer(row, is_late=row is None or (row.state == State.ASKED and not _may_confirm(row)))


def _may_confirm(row: Application) -> bool:
    in_time = row.created_at > timezone.now() - timedelta(days=settings.OPT_IN_DAYS)
    return in_time and row.network.archived_at is None


def confirm(*, uid: UUID, agent: str) -> Answer:
    """The holder of the address pressed the button. Twice is once; where the rule is *open*, an individual is in at once."""
    with transaction.atomic():
        row = (
            Application.objects.select_for_update(of=("self",))
            .select_related("network__campaign")
            .filter(uid=uid)
            .first()
        )
        if row is None or row.state != State.ASKED or not _may_confirm(row):
            return find(uid)
        row.state, row.confirmed_at, row.agent = State.CONFIRMED, timezone.now(), agent[:40]
        row.save(update_fields=["state", "confirmed_at", "agent", "updated_at"])
        record(
            verb="application.confirmed", target=row, door=Door.LINK, summary=row.label,
            event={"network": str(row.network.uid), "kind": row.kind},
        )  # fmt: skip
        if row.network.rule == Network.Rule.OPEN and row.kind == Kind.INDIVIDUAL:
            _let_in(row)
        voting.ask_members(row)
    return find(uid)


def _let_in(row: Application) -> None:
    """By the rule. Who is a member already waits for staff, who see both side by side."""
    try:
        with transaction.atomic():
            services.accept(application=row, actor=None, person=person_at(row.email))
    except Conflict:
        return


def forget_unconfirmed(*, limit: int = 1000) -> int:
    """Applications whose address nobody confirmed go, with everything that was typed; returns how many."""
    before = timezone.now() - timedelta(days=settings.OPT_IN_DAYS)
    ids = list(Application.objects.unconfirmed_before(before).values_list("pk", flat=True)[:limit])
    return forget(Application.objects.filter(pk__in=ids, state=State.ASKED))


def forget(rows: Any) -> int:
    """Applications go, with files that nobody else has."""
    with transaction.atomic():
        ids = list(rows.values_list("pk", flat=True))
        release_all(ApplicationFile.objects.filter(application__in=ids))
        return Application.objects.filter(pk__in=ids).delete()[1].get("campaigns.Application", 0)
