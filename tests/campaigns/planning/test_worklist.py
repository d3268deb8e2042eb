"""Whom to turn to next: what a cell knows, how cells rank, with which reasons, and on the map."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.interactions.models import Party
from campaigns.outreach.models import Interaction
from campaigns.planning import services, windows
from campaigns.planning.grid import countries_of, grid_of
from campaigns.planning.measures import look_of
from campaigns.planning.models import WorklistWeights
from campaigns.planning.worklist import ranked
from campaigns.positions.models import Power
from crm.audit.services import undo
from crm.errors import Invalid
from tests.factories import (
    AskFactory,
    CommitmentFactory,
    CompositionFactory,
    ContactPointFactory,
    DelegationFactory,
    DriveFactory,
    EventFactory,
    InvitationFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    OrganizationFactory,
    PostFactory,
    RegistrationFactory,
    StepFactory,
)

pytestmark = pytest.mark.django_db


def talked(organization, days: int, *, is_two_way: bool = True, is_mention: bool = False) -> None:
    at = timezone.now() - timedelta(days=days)
    call = Interaction.objects.create(kind="call", organization=organization, at=at, is_two_way=is_two_way)
    Party.objects.create(
        interaction=call, organization=organization, at=at, is_two_way=is_two_way, is_mention=is_mention
    )


def grid(drive, user, ask=None):
    return grid_of(drive, countries=countries_of(drive, user), mailings=[], ask=ask.pk if ask else None)


def first_cell(drive, user, ask=None):
    return grid(drive, user, ask).rows[0].cells[0]


def steps(drive, user, limit=10):
    return ranked(drive, grid(drive, user), now=timezone.now(), may_log=True, may_add=True, limit=limit)


def test_cell_knows_posts_talks_positions_and_promises(viewer):
    drive = DriveFactory()
    ask = AskFactory(drive=drive)
    strong, weak = OrganizationFactory(), OrganizationFactory()
    held, _empty = PostFactory(organization=strong), PostFactory(organization=strong)
    holder = MembershipFactory(post=held).person
    ContactPointFactory(person=holder)
    MembershipFactory(post=PostFactory(organization=weak))  # held, by somebody without an address
    StepFactory(organization=strong, ask=ask, stance=3)
    StepFactory(organization=weak, ask=ask, stance=7, on=date(2026, 11, 1))
    StepFactory(organization=weak, ask=AskFactory(drive=drive), stance=1)
    Power.objects.create(organization=strong, campaign=drive.campaign, power=5)
    talked(strong, 30)
    talked(weak, 20, is_two_way=False)
    talked(weak, 10, is_mention=True)
    CommitmentFactory(organization=weak, drive=drive, due_on=timezone.localdate() - timedelta(days=1))
    CommitmentFactory(organization=weak, drive=drive, made_on=timezone.localdate())
    CommitmentFactory(organization=weak)  # in another drive
    event = EventFactory(drive=drive)
    InvitationFactory(event=event, organization=strong, answer="no", answered_at=timezone.now())
    InvitationFactory(event=event, organization=weak)
    InvitationFactory(organization=weak)  # to an event of another drive
    for came in (timezone.now(), None):
        RegistrationFactory(event=event, organization=weak, came_at=came)

    MemberFactory(network=NetworkFactory(campaign=drive.campaign), organization=strong)
    MemberFactory(network=NetworkFactory(campaign=drive.campaign), organization=strong)
    MemberFactory(organization=weak)  # of a network of another campaign

    sent = DelegationFactory(
        event=CompositionFactory(event=event).event,
        country=strong.country,
        seats={("GOV", "delegate"): 2, ("GOV", "adviser"): 3},
    )
    sent.seats.update(taken=1)
    DelegationFactory(country=strong.country)  # to an event of another drive

    cell = first_cell(drive, viewer, ask)

    assert (cell.delegates, look_of(cell, "delegations", timezone.now()).words) == (1, "1 of 2 delegates")
    assert (cell.posts, cell.filled, cell.seats, cell.people) == (3, 2, 1, 1)
    assert (cell.stance, cell.stances, cell.lowest, cell.highest) == (3, 2, 3, 7)
    assert (cell.red, cell.green, cell.promises, cell.weeks(timezone.now())) == (1, 1, 2, 4)
    assert (cell.invited, cell.answered, cell.came) == (2, 1, 1)
    assert (cell.members, look_of(cell, "networks", timezone.now()).words) == (1, "1 of 2 members")
    assert cell.whom == strong.uid
    total = grid(drive, viewer, ask).total
    assert (total.institutions, total.reached, total.reachable) == (2, 0, 1)


def test_ranked_by_need_silence_and_who_is_missing(viewer):
    drive = DriveFactory(countries=["TD", "ZM"], constituencies=["GOV", "EMP"])
    ministry = OrganizationFactory(country__code="TD", name="Ministry of Labour")
    ContactPointFactory(person=MembershipFactory(post=PostFactory(organization=ministry)).person)
    talked(ministry, 1)

    found = steps(drive, viewer)

    assert [(s.cell.country, s.cell.constituency) for s in found] == [("TD", "EMP"), ("ZM", "GOV"), ("ZM", "EMP"), ("TD", "GOV")]  # fmt: skip
    assert found[0].title.startswith("Find: ") and found[0].modal
    assert "Nobody known there." in found[0].why and "Coverage" in found[0].why
    last = found[-1]
    assert (last.title, last.button) == ("Call: Ministry of Labour", "Call and log")
    assert "Silent for 0 weeks." in last.why
    assert str(ministry.uid) in last.url
    assert last.parts["counterpart"] == 0


def test_a_late_promise_is_the_next_step(viewer):
    drive, ministry = DriveFactory(), OrganizationFactory(name="Ministry")
    ContactPointFactory(person=MembershipFactory(organization=ministry).person)
    CommitmentFactory(organization=ministry, drive=drive, due_on=timezone.localdate() - timedelta(days=2))

    [step] = steps(drive, viewer)

    assert step.title == "Ask about the promise: Ministry"
    assert "1 promise is late." in step.why
    assert "light=red" in step.url


def test_a_near_window_counts_only_where_somebody_keeps_them(viewer, sign_in, monkeypatch):
    drive = DriveFactory(countries=["TD", "ZM"])
    page = reverse("drive_next", args=[drive.uid])
    monkeypatch.setattr(windows, "_PROVIDERS", [])
    assert steps(drive, viewer)[0].cell.country == "TD"
    assert "A policy window is near" not in sign_in(viewer).get(page).content.decode()

    soon = timezone.localdate() + timedelta(days=6)
    monkeypatch.setattr(
        windows, "_PROVIDERS", [lambda drive, codes, today: {"ZM": windows.Window(soon, "Budget debate")}]
    )

    first = steps(drive, viewer)[0]
    assert (first.cell.country, "Budget debate in 6 days." in first.why) == ("ZM", True)
    assert "A policy window is near" in sign_in(viewer).get(page).content.decode()


def test_weights_are_set_change_the_order_and_go_back(planner, outreach, sign_in):
    drive = DriveFactory(countries=["TD", "ZM"])
    for code in ("TD", "ZM"):
        place = OrganizationFactory(country__code=code)
        ContactPointFactory(person=MembershipFactory(post=PostFactory(organization=place)).person)
        if code == "TD":
            talked(place, 7 * 20)
    url = reverse("drive_weights", args=[drive.uid])
    assert steps(drive, planner)[0].cell.country == "TD"

    assert (
        sign_in(outreach).post(url, {"need": "0", "window": "3", "silence": "5", "counterpart": "0"}).status_code == 403
    )
    assert (
        sign_in(planner).post(url, {"need": "9", "window": "3", "silence": "5", "counterpart": "0"}).status_code == 422
    )
    sign_in(planner).post(url, {"need": "0", "window": "3", "silence": "5", "counterpart": "0"})

    weights = WorklistWeights.objects.get()
    assert (weights.need, weights.silence, weights.counterpart, weights.window) == (0, 5, 0, 3)
    assert steps(drive, planner)[0].cell.country == "ZM"
    entry = services.set_weights(drive=drive, actor=planner, need=2)
    undo(entry=entry, actor=planner)
    assert WorklistWeights.objects.get().need == 0
    assert services.set_weights(drive=drive, actor=planner, need=0) is None
    with pytest.raises(Invalid, match="between 0 and 5"):
        services.set_weights(drive=drive, actor=planner, need=6)


@pytest.mark.parametrize("colour", ["reached", "position", "contact", "commitments", "posts", "events", "nonsense"])
def test_grid_is_coloured_by_each_measure(sign_in, viewer, colour):
    step = StepFactory(ask__name="Ratify", stance=2)
    words = {
        "position": "Sceptical",
        "contact": "Never",
        "commitments": "None",
        "posts": "No posts",
        "events": "Not invited",
    }.get(colour, "No address")

    page = sign_in(viewer).get(f"{reverse('drive_detail', args=[step.ask.drive.uid])}?colour={colour}").content.decode()

    assert f"<b>{words}</b>" in page


def test_map_has_a_value_for_each_country_by_measure_and_year(sign_in, viewer):
    drive = DriveFactory(countries=["TD", "ZM"])
    step = StepFactory(ask=AskFactory(drive=drive), stance=6)
    talked(step.organization, 0)
    url = reverse("drive_map", args=[drive.uid])

    def points(query: str) -> dict[str, float]:
        found = sign_in(viewer).get(f"{url}?{query}").context["map"]
        drawn = [point["label"] for point in (*found.chart.points, *found.chart.blank)]
        assert (sorted(drawn), found.unknown) == (
            ["Chad", "Zambia"],
            len(found.chart.blank),
        )  # each country of the drive, once
        return {point["label"]: point["value"] for point in found.chart.points}

    assert points("measure=position") == {"Zambia": 6}
    assert points("measure=activity") == {"Chad": 0, "Zambia": 1}
    assert points(f"measure=activity&year={timezone.now().year - 1}") == {"Chad": 0, "Zambia": 1}  # no such year: all
    assert points("measure=reach") == {"Zambia": 0.0}
    year = step.on.year
    StepFactory(ask=step.ask, organization=step.organization, stance=2, on=date(year - 1, 5, 1))
    assert points(f"measure=position&year={year - 1}") == {"Zambia": 2}  # as it stood at the end of that year
    assert points(f"measure=position&year={year}") == {"Zambia": 6}
    assert points("measure=position") == {"Zambia": 6}
    coverage = points("measure=coverage")
    assert set(coverage) == {"Chad", "Zambia"}
    page = sign_in(viewer).get(f"{url}?measure=position").content.decode()
    assert "supportive" in page and 'data-save="png"' in page
    assert "not in this drive" in page and re.search(r"Chad.*?</th>\s*<td class=\"num\">not known", page, re.DOTALL)


@pytest.mark.parametrize("name", ["drive_detail", "drive_next", "drive_map"])
def test_pages_ask_as_much_for_one_institution_as_for_three(sign_in, viewer, name):
    step = StepFactory()
    client, url = sign_in(viewer), reverse(name, args=[step.ask.drive.uid])
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for _ in range(2):
        more = StepFactory(ask=step.ask)
        talked(more.organization, 3)

    with CaptureQueriesContext(connection) as three:
        client.get(url)

    assert len(three) == len(one) <= 25


def test_who_works_everywhere_is_called_once(viewer):
    drive = DriveFactory(countries=["TD", "ZM", "NE"], constituencies=["IGO", "GOV"])
    office = OrganizationFactory(constituency__code="IGO", country__code="CH", countries_of_work=["TD", "ZM", "NE"])
    ContactPointFactory(person=None, organization=office)

    found = steps(drive, viewer)

    assert [step.also for step in found if step.cell.whom == office.uid] == [2]
    assert len(found) == 4  # and three ministries that nobody knows
