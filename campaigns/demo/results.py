"""The demo's policy windows, past and ahead, and its results: some measured twice, one not verified yet, and a report as it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from campaigns.planning.models import Campaign, Drive
from campaigns.results.figures import Scope
from campaigns.results.models import Actual, Indicator, Period, Result
from campaigns.results.snapshots import freeze
from campaigns.windows.models import Kind, PolicyWindow
from campaigns.windows.services import create_window
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Role

# name, kind, place of its country among the ten (None: all countries), first day from today, days, expected, lead times
WINDOWS: list[tuple[str, Kind, int | None, int, int, bool, tuple[tuple[int, str], ...]]] = [
    ("Budget debate in the national assembly", Kind.BUDGET, 0, 26, 12, False, ((21, "Brief of two pages for the finance committee"), (7, "Call the committee’s members"))),
    ("Budget orientation debate", Kind.BUDGET, 1, 44, 5, True, ((30, "Figures by region, checked with the institute"),)),
    ("Supplementary budget", Kind.BUDGET, 3, 12, 2, False, ()),
    ("Presidential election", Kind.ELECTION, 4, 95, 1, False, ((60, "Questions on social security to all candidates"),)),
    ("Session of the tripartite labour council", Kind.SESSION, 2, 18, 2, False, ((10, "Agree with both sides on who speaks"),)),
    ("International Labour Conference", Kind.SESSION, None, 190, 12, False, ((90, "Propose a side event"), (30, "Meet the delegations of the ten"))),
    ("World Day of Social Justice", Kind.ANNIVERSARY, None, 86, 1, False, ((40, "Plan the radio day in four languages"),)),
    ("Budget debate in the national assembly", Kind.BUDGET, 5, -38, 9, False, ()),
    ("Regional meeting of ministers of labour", Kind.SESSION, None, -21, 3, False, ()),
    ("Ten years of the social security code", Kind.ANNIVERSARY, 0, -9, 1, False, ()),
]  # fmt: skip
# pillar, kind, what is to change, [(indicator, unit, baseline, target, [(days ago, value, evidence, contribution, verified)])]
Outcomes = list[tuple[int, str, str, list[tuple[str, str, float, float, list[tuple[int, float, str, str, bool]]]]]]
RESULTS: Outcomes = [
    (
        1, "outcome", "National institutes publish who is covered and who is not, by sex and region",
        [("Countries that published coverage by sex and region in the last two years", "countries", 2, 8, [
            (210, 3, "The statistical yearbooks of three institutes, with tables by sex.", "We paid for the survey’s second round in one country; the institutes designed and ran it.", True),
            (30, 5, "Two more institutes put their tables online; see the links in the positions of both.", "We trained eleven statisticians. The World Bank’s household survey was as important.", True),
        ])],
    ),
    (
        2, "outcome", "National action plans are made by the three sides together and adopted",
        [("National action plans adopted by a council of ministers", "plans", 0, 10, [
            (120, 1, "Official gazette, no. 41.", "We brought employers and workers to one table twice; the ministry wrote the plan.", True),
            (12, 2, "Minutes of the council of ministers; the gazette is expected next week.", "Our draft was the basis of two chapters. The regional union paid for the costing.", False),
        ]),
        ("Plans whose first year has a line in the budget", "plans", 0, 6, [])],
    ),
    (
        2, "impact", "More people are covered by at least one benefit",
        [("Population covered by at least one social protection benefit, mean of the ten", "percentage", 12.4, 20, [
            (60, 13.1, "Latest figures of the ten countries as they stand in the directory.", "Too early to say what part is ours: most of it are pensions that were decided before.", True),
        ])],
    ),
    (
        3, "output", "Key actors of all three sides take part",
        [("Institutions that took part in a policy discussion", "institutions", 12, 60, [
            (45, 28, "Lists of participants of four discussions.", "Our own events: output, not outcome.", True),
            (9, 41, "Lists of participants of six discussions.", "Our own events: output, not outcome.", True),
        ])],
    ),
]  # fmt: skip


def make_windows(*, countries: Sequence[Country], users: dict[Role, User], today: date) -> None:
    """Those that are past had no lead times left, so they only show in the calendar."""
    planner, outreach = users[Role.PLANNER], users[Role.OUTREACH]
    for number, (name, kind, place, start, days, is_expected, leads) in enumerate(WINDOWS):
        first = today + timedelta(days=start)
        create_window(
            actor=planner, name=name, kind=kind, country=countries[place] if place is not None else None, starts_on=first,
            ends_on=first + timedelta(days=days - 1), is_expected=is_expected, leads=leads,
            owner=outreach if number % 2 else planner,
        )  # fmt: skip
    PolicyWindow.objects.filter(starts_on__lt=today).update(owner=planner)


def make_results(*, drive: Drive, users: dict[Role, User], now: datetime) -> None:
    """Measured over the campaign's 400 days; the report of a quarter ago is frozen as it stood then."""
    today = now.date()
    start = drive.campaign.starts_on or today - timedelta(days=400)
    keep_results(RESULTS, campaign=drive.campaign, drive=drive, users=users, now=now, start=start, days=730)
    with timezone.override(timezone.get_default_timezone()):
        scope = Scope(drive.campaign, drive, drive.starts_on, today - timedelta(days=14), users[Role.PLANNER])
        freeze(
            actor=users[Role.PLANNER],
            scope=scope,
            title="To the governing body: the first weeks",
            at=now - timedelta(days=13),
        )


def keep_results(
    results: Outcomes, *, campaign: Campaign, drive: Drive, users: dict[Role, User], now: datetime, start: date, days: int, is_own: bool = False
) -> None:  # fmt: skip
    """Results with what was measured in one period of so many days; outputs, or all that are its own, are of the drive, the others of the campaign."""
    pillars = list(campaign.pillars.all())
    for pillar, kind, title, indicators in results:
        result = Result.objects.create(
            campaign=campaign, pillar=pillars[pillar - 1], kind=kind, title=title,
            drive=drive if is_own or kind == "output" else None,
        )  # fmt: skip
        for name, unit, baseline, target, actuals in indicators:
            is_share = unit == "percentage"
            indicator = Indicator.objects.create(
                result=result, title=name, measure="percentage" if is_share else "unit", unit="" if is_share else unit,
                baseline=Decimal(str(baseline)), baseline_on=start, baseline_note="At the start",
            )  # fmt: skip
            period = Period.objects.create(
                indicator=indicator,
                starts_on=start,
                ends_on=start + timedelta(days=days - 1),
                target=Decimal(str(target)),
            )
            for ago, value, evidence, contribution, verified in actuals:
                at = now - timedelta(days=ago)
                Actual.objects.create(
                    period=period, value=Decimal(str(value)), on=at.date(), evidence=evidence, contribution=contribution,
                    recorded_by=users[Role.OUTREACH], recorded_at=at,
                    verified_by=users[Role.PLANNER] if verified else None,
                    verified_at=at + timedelta(days=3) if verified else None,
                )  # fmt: skip
