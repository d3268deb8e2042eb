"""A mailing's figures as plain data, and back. What is kept is what its report shows without a name."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from campaigns.delivery.queries import counts
from campaigns.mailings.models import Mailing
from campaigns.reports import queries
from campaigns.retention.models import KeptTotals


def keep_totals(mailing: Mailing) -> KeptTotals:
    """Take the figures now, unless they were taken before: the first ones saw every row."""
    known = KeptTotals.objects.select_for_update().filter(mailing_id=mailing.pk).first()
    return known or KeptTotals.objects.create(mailing_id=mailing.pk, figures=_figures(mailing))


def take_again(kept: KeptTotals, mailing: Mailing) -> None:
    """Before deliveries go: outcomes and groups as they are now; links and course as they were when single hits went."""
    fresh = _figures(mailing)
    if kept.hits_removed_at is not None:
        fresh |= {name: kept.figures[name] for name in ("links", "course")}
    kept.figures = fresh
    kept.save(update_fields=["figures"])


def _figures(mailing: Mailing) -> dict[str, Any]:
    found = queries.deeds(mailing.pk)
    course = queries.course(mailing)
    return {
        "counts": counts(mailing.pk),
        "people": asdict(found.people),
        "responses": asdict(found.responses),
        "links": [asdict(link) for link in queries.links(mailing)],
        "course": course
        and {
            "step": course.step.total_seconds(),
            "times": [at.isoformat() for at in course.times],
            "clicks": course.clicks,
            "replies": course.replies,
        },
        "groups": [[asdict(group) for group in groups] for groups in queries.groups(mailing.pk)],
        "reasons": [list(row) for row in queries.reasons(mailing.pk)],
    }


def people_of(kept: KeptTotals) -> queries.People:
    return queries.People(**kept.figures["people"])


def responses_of(kept: KeptTotals) -> queries.Responses:
    return queries.Responses(**kept.figures["responses"])


def links_of(kept: KeptTotals) -> list[queries.LinkFigures]:
    return [queries.LinkFigures(**link) for link in kept.figures["links"]]


def course_of(kept: KeptTotals) -> queries.Course | None:
    found = kept.figures["course"]
    if not found:
        return None
    zone = timezone.get_current_timezone()
    return queries.Course(
        timedelta(seconds=found["step"]),
        [datetime.fromisoformat(at).astimezone(zone) for at in found["times"]],
        found["clicks"],
        found["replies"],
    )


def groups_of(kept: KeptTotals) -> tuple[list[queries.Group], list[queries.Group]]:
    constituencies, countries = ([queries.Group(**group) for group in groups] for groups in kept.figures["groups"])
    return constituencies, countries


def reasons_of(kept: KeptTotals) -> list[tuple[str, str, int]]:
    return [(kind, said, number) for kind, said, number in kept.figures["reasons"]]
