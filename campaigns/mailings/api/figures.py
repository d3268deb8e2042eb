"""The numbers of a mailing before and after it left, from the features that know them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from campaigns.delivery import preflight
from campaigns.delivery.hours import turns_of
from campaigns.delivery.queries import counts, skip_counts
from campaigns.mailings.approval import content_hash
from campaigns.mailings.hours import hours_of
from campaigns.mailings.models import Mailing
from campaigns.reports import queries


def preflight_of(mailing: Mailing) -> dict[str, Any]:
    """Counted now, not from half a minute ago: an approver will vouch for the number."""
    summary = preflight.summary_of(mailing, fresh=True)
    return {
        "at": summary.at,
        "content_hash": content_hash(mailing),
        "total": summary.total,
        "will_get": summary.will_get,
        "reasons": summary.reasons,
        "languages": summary.languages,
        "countries": summary.countries,
        "constituencies": summary.constituencies,
        "empty_fields": summary.empty,
        "copies": {reason or "will_get": n for reason, n in summary.copies.items()},
        "uncopied": summary.copy_gaps,
        "arrivals": [
            {"country": place.code, "zone": place.zone, "at": turn.due, "people": people}
            for place, turn, people in (turns_of(mailing, summary.countries, summary.at) if hours_of(mailing) else [])
        ],
        "findings": [
            {"kind": finding.kind, "title": str(finding.title), "why": str(finding.why), "step": str(finding.step)}
            for finding in preflight.findings(mailing, summary)
        ],
    }


def report_of(mailing: Mailing) -> dict[str, Any]:
    deeds, outcomes = queries.deeds(mailing.pk), counts(mailing.pk)
    constituencies, countries = queries.groups(mailing.pk)
    return {
        "mailing": mailing.uid,
        "state": mailing.state,
        "audience": sum(outcomes.values()),
        "outcomes": outcomes,
        "skipped": skip_counts(mailing.pk),
        "copies": queries.copies(mailing),
        "clicked": deeds.people.clicked,
        "replied": deeds.people.replied,
        "unsubscribed": deeds.people.unsubscribed,
        "opened": deeds.people.opened,
        "machine_opens": deeds.people.machine_opens,
        "bounced": deeds.responses.bounced,
        "complained": deeds.responses.complained,
        "links": [asdict(link) for link in queries.links(mailing)],
        "constituencies": [asdict(group) for group in constituencies],
        "countries": [asdict(group) for group in countries],
    }
