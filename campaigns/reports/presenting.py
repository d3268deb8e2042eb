"""A mailing's report as its page shows it: every number with its words, its meaning and the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery.models import Feedback, Outcome, SkipReason
from campaigns.delivery.queries import Progress, progress
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.reports import queries
from campaigns.reports.comparing import Rhythm, rhythm
from campaigns.retention import totals
from campaigns.retention.models import KeptTotals
from campaigns.safety.models import SafetyLimits
from campaigns.safety.services import percent_text
from contacts.directory.models import Constituency, Country
from crm.accounts.models import User
from crm.ui import formats
from crm.ui.charts import Chart, Series

KINDS = {
    Outcome.ACCEPTED: "ok",
    Outcome.PENDING: "rest",
    Outcome.IN_FLIGHT: "blue",
    Outcome.DEFERRED: "warn",
    Outcome.FAILED: "bad",
    Outcome.SKIPPED: "wait",
    Outcome.CANCELLED: "p4",
    Outcome.UNCERTAIN: "odd",
}
ALWAYS = {Outcome.ACCEPTED, Outcome.FAILED, Outcome.SKIPPED}  # shown also when nobody is in it: a zero says something
MOST_COUNTRIES = 12
MOST_REASONS = 25
REASON_KINDS: dict[str, str | Promise] = {
    "failed": gettext_lazy("refused at once"),
    Feedback.Kind.HARD_BOUNCE: gettext_lazy("bounced later"),
    Feedback.Kind.SOFT_BOUNCE: gettext_lazy("bounced for now"),
}


@dataclass(frozen=True)
class Stat:
    label: str
    value: int
    note: str
    url: str


class Report:
    """What the page needs; parts are read when they are shown."""

    def __init__(self, mailing: Mailing, user: User) -> None:
        self.mailing, self.user = mailing, user

    def people_url(self, who: str, **more: Any) -> str:
        given = {name: value for name, value in more.items() if value not in ("", None)}
        return f"{self._people}?{urlencode({'who': who, **given})}"

    @cached_property
    def _people(self) -> str:
        return reverse("mailing_report_people", args=[self.mailing.uid])

    # --- what went in time, and is kept as totals
    @cached_property
    def kept(self) -> KeptTotals | None:
        return KeptTotals.objects.filter(mailing_id=self.mailing.pk).first()

    @property
    def without_hits(self) -> KeptTotals | None:
        """Links and course are read from it when single hits, or whole deliveries, went."""
        kept = self.kept
        return kept if kept and (kept.hits_removed_at or kept.deliveries_removed_at) else None

    @property
    def without_deliveries(self) -> KeptTotals | None:
        return self.kept if self.kept and self.kept.deliveries_removed_at else None

    # --- the audience as the sum of its outcomes
    @cached_property
    def progress(self) -> Progress:
        return progress(self.mailing)

    @property
    def counts(self) -> dict[str, int]:
        return self.progress.counts

    @property
    def accepted(self) -> int:
        return self.counts[Outcome.ACCEPTED]

    @property
    def audience(self) -> int:
        return self.mailing.audience_count or 0

    @property
    def adds_up(self) -> bool:
        """Whether the outcomes, counted now, are exactly the audience that was frozen."""
        return sum(self.counts.values()) == self.audience

    @property
    def parts(self) -> list[dict[str, Any]]:
        return [
            {
                "count": self.counts[outcome],
                "label": str(outcome.label),
                "kind": kind,
                "url": self.people_url(outcome.value),
            }
            for outcome, kind in KINDS.items()
            if self.counts[outcome] or outcome in ALWAYS
        ]

    @property
    def afterwards(self) -> list[dict[str, Any]]:
        """Accepted = delivered as far as known + bounced later + complained."""
        found = self.responses
        complained_only = found.total - found.bounced
        return [
            {
                "count": max(self.accepted - found.total, 0),
                "label": _("delivered, as far as known"),
                "kind": "ok",
                "url": "",
            },
            {"count": found.bounced, "label": _("bounced later"), "kind": "bad", "url": self.people_url("bounced")},
            {"count": complained_only, "label": _("complained"), "kind": "warn", "url": self.people_url("complained")},
        ]

    @property
    def is_moving(self) -> bool:
        return self.mailing.state == State.SENDING

    @property
    def asks_every(self) -> int | None:
        """Seconds after which the page asks again: while messages go out, and for a day after, when most clicks come."""
        if self.is_moving:
            return 2
        ended = self.mailing.finished_at
        return 15 if ended is None or timezone.now() - ended < timedelta(days=1) else None

    @property
    def headline(self) -> str:
        mailing = self.mailing
        if mailing.state == State.SENDING:
            words = (
                [_("Sending since %(time)s") % {"time": formats.clock(mailing.started_at)}]
                if mailing.started_at
                else []
            )
            left, deferred = self.progress.left, self.counts[Outcome.DEFERRED]
            if left == deferred and deferred:
                n = formats.number(deferred)
                return " · ".join(
                    [*words, ngettext("%(n)s is tried again later", "%(n)s are tried again later", deferred) % {"n": n}]
                )
            if self.progress.per_second:
                words.append(_("%(n)s a minute") % {"n": formats.number(round(60 * self.progress.per_second))})
            if self.progress.seconds_left:
                words.append(_("done in about %(time)s") % {"time": formats.duration(self.progress.seconds_left)})
            return " · ".join(words)
        if mailing.state == State.FINISHED and mailing.finished_at:
            return _("Finished %(time)s") % {"time": formats.moment(mailing.finished_at)}
        said = str(State(mailing.state).label).capitalize()
        return f"{said}: {mailing.state_reason}" if mailing.state_reason else said

    # --- what people did
    @cached_property
    def deeds(self) -> queries.Deeds:
        found = queries.deeds(self.mailing.pk)
        if (kept := self.without_deliveries) is not None:
            return queries.Deeds(totals.people_of(kept), totals.responses_of(kept), found.to_answer)
        return found

    @property
    def people(self) -> queries.People:
        return self.deeds.people

    @property
    def responses(self) -> queries.Responses:
        return self.deeds.responses

    @property
    def to_answer(self) -> int:
        return self.deeds.to_answer

    @property
    def stats(self) -> list[Stat]:
        people, found = self.people, self.responses
        clicked = [formats.share(people.clicked, self.accepted) + " " + _("of accepted")] if self.accepted else []
        if people.machines:
            n = formats.number(people.machines)
            clicked.append(
                ngettext("%(n)s machine not counted", "%(n)s machines not counted", people.machines) % {"n": n}
            )
        replies = _("%(n)s to answer") % {"n": formats.number(self.to_answer)} if self.to_answer else _("all answered")
        opens = ngettext("%(n)s open was a machine", "%(n)s opens were machines", people.machine_opens)
        return [
            Stat(_("People who clicked"), people.clicked, " · ".join(clicked), self.people_url("clicked")),
            Stat(_("Replies"), people.replied, replies if people.replied else _("none yet"), self.people_url("replied")),
            Stat(_("Unsubscribed"), people.unsubscribed, formats.share(people.unsubscribed, self.accepted),
                 self.people_url("unsubscribed")),
            Stat(_("Bounced later"), found.bounced, formats.share(found.bounced, self.accepted), self.people_url("bounced")),
            Stat(_("Complaints"), found.complained, self._complaints_note(found.complained), self.people_url("complained")),
            Stat(_("Opened, at best guess"), people.opened, opens % {"n": formats.number(people.machine_opens)},
                 self.people_url("opened")),
            *self.copies,
        ]  # fmt: skip

    def _complaints_note(self, complained: int) -> str:
        """Their share, and while it is being sent, the share at which it pauses by itself."""
        share = formats.share(complained, self.accepted) if complained else ""
        limit = SafetyLimits.current().complained_percent if self.is_moving else None
        pauses = "" if limit is None else _("pauses at %(limit)s %%") % {"limit": percent_text(limit)}
        return " · ".join(filter(None, [share, pauses])) or formats.share(complained, self.accepted)

    @property
    def copies(self) -> list[Stat]:
        """Visible copies are in every other number of the page too; this one says how many, and opens them."""
        if self.mailing.copies_to_id is None or self.without_deliveries:
            return []
        return [
            Stat(
                _("Visible copies"), queries.copies(self.mailing), _("part of the audience"), self.people_url("copies")
            )
        ]

    # --- links and time
    @cached_property
    def links(self) -> list[dict[str, Any]]:
        return [
            {"figures": link, "url": self.people_url("clicked", link=link.number)}
            for link in (totals.links_of(self.without_hits) if self.without_hits else queries.links(self.mailing))
        ]

    @property
    def untracked_clicks(self) -> int:
        return sum(link["figures"].untracked for link in self.links)

    @cached_property
    def course(self) -> queries.Course | None:
        return totals.course_of(self.without_hits) if self.without_hits else queries.course(self.mailing)

    @cached_property
    def chart(self) -> Chart | None:
        course = self.course
        if course is None:
            return None
        shown = formats.day if course.step >= timedelta(days=1) else formats.clock
        if course.step in {timedelta(hours=3), timedelta(hours=6)}:
            shown = formats.moment
        return Chart(
            kind="bar",
            labels=[shown(at) for at in course.times],
            series=[
                Series(_("clicks"), list(course.clicks), "blue"),
                Series(_("replies"), list(course.replies), "cso"),
            ],
        )

    @cached_property
    def rhythm(self) -> Rhythm | None:
        """By hour and weekday; not when single hits went in time."""
        return None if self.without_hits else rhythm(self.mailing)

    # --- by whom
    @property
    def is_large(self) -> bool:
        return self.audience > queries.SMALL

    @cached_property
    def _groups(self) -> tuple[list[queries.Group], list[queries.Group]]:
        kept = self.without_deliveries
        return totals.groups_of(kept) if kept else queries.groups(self.mailing.pk)

    @cached_property
    def by_constituency(self) -> list[dict[str, Any]]:
        found = self._groups[0]
        known = {row.code: row for row in Constituency.objects.filter(code__in=[group.code for group in found])}
        return [
            {
                "group": group,
                "label": known[group.code].label if group.code in known else _("Individual supporters"),
                "kind": known[group.code].root_code.lower() if group.code in known else "wait",
                "urls": self._urls("constituency", group.code),
            }
            for group in found
        ]

    @cached_property
    def by_country(self) -> list[dict[str, Any]]:
        found = self._groups[1]
        known = {row.code: row for row in Country.objects.filter(code__in=[group.code for group in found])}
        return [
            {
                "group": group,
                "label": known[group.code].label if group.code in known else _("Country not known"),
                "urls": self._urls("country", group.code),
            }
            for group in found
        ]

    @property
    def has_total_only(self) -> bool:
        return any(row["group"].accepted > row["group"].tracked for row in self.by_constituency)

    def _urls(self, facet: str, code: str) -> dict[str, str]:
        """The lists behind a row; a group without a code has none of its own."""
        names = ("audience", "accepted", "clicked", "replied", "unsubscribed", "bounced")
        return {name: self.people_url(name, **{facet: code}) if code else "" for name in names}

    @cached_property
    def _reasons(self) -> list[tuple[str, str, int]]:
        kept = self.without_deliveries
        return totals.reasons_of(kept) if kept else queries.reasons(self.mailing.pk)

    @cached_property
    def reasons(self) -> list[dict[str, Any]]:
        """Why messages did not arrive: what the servers said, and how many they said it of."""
        return [
            {
                "count": count,
                "said": said or _("no reason given"),
                "kind": REASON_KINDS[kind],
                "color": "warn" if kind == Feedback.Kind.SOFT_BOUNCE else "bad",
                "url": self.people_url("failed" if kind == "failed" else "bounced", reason=said, kind=kind),
            }
            for kind, said, count in self._reasons
            if kind != "skipped"
        ][:MOST_REASONS]

    @cached_property
    def skipped(self) -> list[dict[str, Any]]:
        return [
            {
                "count": count,
                "said": str(SkipReason(reason).label),
                "url": self.people_url("skipped", reason=reason, kind="skipped"),
            }
            for kind, reason, count in self._reasons
            if kind == "skipped"
        ]
