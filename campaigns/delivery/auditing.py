"""The audit of a ledger that has no foreign keys: does it add up, was somebody written to who had said stop, what did a sink see?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from campaigns.delivery.addresses import read_message_id
from campaigns.delivery.queries import counts
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State


@dataclass
class Audit:
    """What was found about one mailing; `problems` are sentences, and empty when all is well."""

    uid: str
    state: str
    audience: int
    counts: dict[str, int]
    figures: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "mailing": self.uid,
            "state": self.state,
            "audience": self.audience,
            "counts": self.counts,
            "adds_up": sum(self.counts.values()) == self.audience,
            **self.figures,
            "problems": self.problems,
        }


def audited() -> QuerySet[Mailing]:
    """Every mailing that was frozen: those have a ledger."""
    return Mailing.objects.filter(
        Q(state__in=[State.SENDING, State.PAUSED, State.FINISHED]) | Q(state=State.CANCELLED, frozen_at__isnull=False)
    ).order_by("pk")


def audit(mailing: Mailing, *, sink: Path | None = None) -> Audit:
    """Check one mailing's ledger. sink: the log of `manage.py smtp_sink`, to find losses and duplicates."""
    found = Audit(str(mailing.uid), mailing.state, mailing.audience_count or 0, counts(mailing.pk))
    total = sum(found.counts.values())
    if total != found.audience:
        found.problems.append(f"The outcomes sum to {total}, and the audience was {found.audience}.")
    found.figures["suppressed_and_sent"] = _suppressed_and_sent(mailing.pk)
    if found.figures["suppressed_and_sent"]:
        found.problems.append(f"{found.figures['suppressed_and_sent']} suppressed addresses were written to.")
    found.figures["withdrawn_and_sent"] = _withdrawn_and_sent(mailing.pk)
    if found.figures["withdrawn_and_sent"]:
        found.problems.append(
            f"{found.figures['withdrawn_and_sent']} people were written to after they had unsubscribed."
        )
    found.figures["orphans"] = _orphans(mailing.pk)
    if found.figures["orphans"]:
        found.problems.append(f"{found.figures['orphans']} deliveries are in no chunk.")
    open_rows = found.counts["pending"] + found.counts["in_flight"] + found.counts["deferred"]
    if mailing.state == "finished" and open_rows:
        found.problems.append(f"It is finished, and {open_rows} deliveries are not.")
    if sink is not None:
        _compare(found, mailing, sink)
    return found


# A suppression is dated when its transaction begins and holds from its commit on; what began between may leave.
_GRACE = "interval '2 seconds'"


def _suppressed_and_sent(mailing_id: int) -> int:
    """Messages whose compare-and-set began after the suppression of their address."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM delivery d JOIN contacts_suppression s ON s.address_hash = d.address_hash"
            " WHERE d.mailing_id = %s AND d.state IN ('accepted', 'in_flight', 'uncertain')"
            f" AND d.last_attempt_at > s.at + {_GRACE}",
            [mailing_id],
        )
        return int(cursor.fetchone()[0])


# By what was written down while it was sent, which the audit trail knows: somebody may note today what was said a week ago. Who had
# withdrawn before the freeze is not in the audience.
_WITHDRAWN_AND_SENT = f"""
SELECT count(DISTINCT d.seq) FROM campaigns_mailing m JOIN contacts_topic t ON t.id = m.topic_id
  JOIN crm_auditentry e ON e.verb = 'consent.withdrawn' AND e.at >= m.frozen_at
   AND e.at <= coalesce(m.finished_at, CASE WHEN m.state = 'cancelled' THEN m.updated_at END, now())
  JOIN crm_auditchange c ON c.entry_id = e.id AND c.field = 'consent:' || t.code
  JOIN contacts_consentstate k ON k.subject_uid = e.object_uid AND k.topic_id = t.id AND k.channel = 'email' AND NOT k.is_granted
  LEFT JOIN contacts_person p ON p.uid = e.object_uid
  LEFT JOIN contacts_organization o ON o.uid = e.object_uid
  JOIN delivery d ON d.mailing_id = m.id AND (d.person_id = p.id OR d.organization_id = o.id AND d.person_id IS NULL)
 WHERE m.id = %s AND d.state IN ('accepted', 'in_flight', 'uncertain')
   AND d.last_attempt_at > greatest(e.at, k.at) + {_GRACE}"""


def _withdrawn_and_sent(mailing_id: int) -> int:
    """Messages whose compare-and-set began after their topic was withdrawn."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAWN_AND_SENT, [mailing_id])
        return int(cursor.fetchone()[0])


def _orphans(mailing_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM delivery d WHERE d.mailing_id = %s AND NOT EXISTS (SELECT 1 FROM campaigns_deliverychunk k"
            " WHERE k.mailing_id = d.mailing_id AND d.seq BETWEEN k.first_seq AND k.last_seq)",
            [mailing_id],
        )
        return int(cursor.fetchone()[0])


def _compare(found: Audit, mailing: Mailing, sink: Path) -> None:
    seen = Counter(_seqs(mailing, sink.read_text(errors="replace").splitlines() if sink.exists() else []))
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM delivery WHERE mailing_id = %s AND state = 'accepted'", [mailing.pk])
        accepted = {seq for (seq,) in cursor.fetchall()}
    found.figures["sink_accepted"] = sum(seen.values())
    found.figures["lost"] = len(accepted - seen.keys())
    found.figures["duplicates"] = sum(n - 1 for n in seen.values())
    found.figures["unknown_to_the_ledger"] = len(seen.keys() - accepted)
    if found.figures["lost"]:
        found.problems.append(f"{found.figures['lost']} deliveries count as accepted, and the sink never saw them.")


def _seqs(mailing: Mailing, lines: Iterable[str]) -> Iterable[int]:
    for line in lines:
        read = read_message_id(line.partition(" ")[0])
        if read and read[0] == mailing.uid:
            yield read[1]
