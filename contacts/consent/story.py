"""The ledger of one person or institution, told in plain words: who said what, when, by which road, on which basis.

What knows the mailing behind an event registers itself: `mailings_behind(fn)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from contacts.consent.models import ConsentAction, ConsentEvent
from contacts.consent.queries import Permission
from contacts.consent.services.ledger import ONE_CLICK, PREFERENCES
from contacts.consent.services.opt_in import DOUBLE_OPT_IN
from contacts.directory.timeline import Entry
from crm.accounts.models import User
from crm.ui import formats

COMPLAINT = "complaint"


@dataclass(frozen=True)
class Behind:
    """The mailing that led to an event."""

    name: str
    url: str


# of(subject row, moments of events, reader) → the mailing behind the event of each moment, where there is one he may see
MailingsBehind = Callable[[Any, Sequence[datetime], User], dict[datetime, Behind]]
_BEHIND: list[MailingsBehind] = []


def mailings_behind(lookup: MailingsBehind) -> MailingsBehind:
    """Register who knows which mailing led somebody to withdraw."""
    if lookup not in _BEHIND:
        _BEHIND.append(lookup)
    return lookup


def tell(row: Any, events: Sequence[ConsentEvent], user: User) -> list[Entry]:
    """The events as entries of a timeline, in their order. Two queries and those of the registered, however many events."""
    actors = dict(User.objects.filter(uid__in={e.actor_uid for e in events if e.actor_uid}).values_list("uid", "name"))
    moments = [event.at for event in events if event.action == ConsentAction.WITHDRAW]
    behind: dict[datetime, Behind] = {}
    for lookup in _BEHIND if moments else []:
        behind.update(lookup(row, moments, user))
    return [_entry(row, event, actors, behind.get(event.at)) for event in events]


def _entry(row: Any, event: ConsentEvent, actors: dict[UUID, str], mailing: Behind | None) -> Entry:
    is_grant = event.action == ConsentAction.GRANT
    officer = actors.get(event.actor_uid, "") if event.actor_uid else ""
    words = {"who": row.label, "topic": event.topic.label, "officer": officer}
    return Entry(
        at=event.at,
        title=_sentence(event, is_grant=is_grant, by_officer=bool(officer)) % words,
        icon="circle-plus" if is_grant else "circle-minus",
        kind="ok" if is_grant else "bad",
        body=" ".join(_details(event, mailing)),
        url=mailing.url if mailing else "",
    )


def _sentence(event: ConsentEvent, *, is_grant: bool, by_officer: bool) -> str:
    roads = {
        (PREFERENCES, True): _("%(who)s allowed “%(topic)s” on the preference page"),
        (PREFERENCES, False): _("%(who)s withdrew “%(topic)s” on the preference page"),
        (DOUBLE_OPT_IN, True): _("%(who)s confirmed “%(topic)s”, asked by mail"),
        (ONE_CLICK, False): _("%(who)s withdrew “%(topic)s” with one click in a mail"),
        (COMPLAINT, False): _("%(who)s called a mail about “%(topic)s” spam, which withdrew it"),
    }
    if by_officer and is_grant:
        return _("%(officer)s recorded that %(who)s allowed “%(topic)s”")
    if by_officer:
        return _("%(officer)s recorded that %(who)s withdrew “%(topic)s”")
    if said := roads.get((event.source, is_grant)):
        return said
    return _("%(who)s allowed “%(topic)s”") if is_grant else _("%(who)s withdrew “%(topic)s”")


def _details(event: ConsentEvent, mailing: Behind | None) -> Iterable[str]:
    if event.lawful_basis:
        yield _("Basis: %(basis)s.") % {"basis": event.get_lawful_basis_display()}
    if event.source not in {PREFERENCES, DOUBLE_OPT_IN, ONE_CLICK, COMPLAINT, ""}:
        yield _("Source: %(source)s.") % {"source": event.source.rstrip(".")}
    if event.evidence:
        yield _("Evidence: %(evidence)s") % {"evidence": event.evidence}
    if mailing:
        yield _("The mailing was “%(mailing)s”.") % {"mailing": mailing.name}


def in_short(row: Any, permissions: Iterable[Permission], *, is_suppressed: bool) -> str:
    """Where it stands today, in one or two sentences."""
    states = list(permissions)
    given = [f"“{state.topic.label}”" for state in states if state.is_granted and not state.topic.archived_at]
    gone = [f"“{state.topic.label}”" for state in states if state.event and not state.is_granted]
    said = []
    if given and is_suppressed:
        said.append(_("%(who)s allowed %(topics)s, but an address is suppressed, so no mail goes there."))
    elif given:
        said.append(_("%(who)s may be written to about %(topics)s."))
    elif gone:
        said.append(_("%(who)s may not be written to."))
    else:
        said.append(_("%(who)s never allowed anything, so no mailing goes there."))
    if gone:
        said.append(_("Withdrawn: %(gone)s."))
    return " ".join(said) % {"who": row.label, "topics": formats.listing(given), "gone": formats.listing(gone)}
