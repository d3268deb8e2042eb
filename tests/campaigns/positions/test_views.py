"""The screens of asks and positions: of a drive, of an institution, of one step."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.positions.models import Ask, Position, PositionStep, Power
from tests.factories import (
    AskFactory,
    DriveFactory,
    GrantFactory,
    OrganizationFactory,
    PersonFactory,
    StepFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def answers(ask, **more) -> dict:
    return {"ask": str(ask.uid), "stance": "6", "evidence": "Said in parliament", "evidence_kind": "quote", "on": "2026-10-01", "confidence": "high", **more}  # fmt: skip


def test_ask_is_written_changed_and_asked_no_longer(sign_in, planner, outreach):
    drive = DriveFactory()
    client, page = sign_in(planner), reverse("ask_list", args=[drive.uid])

    assert sign_in(outreach).post(reverse("ask_create", args=[drive.uid]), {"name": "No"}).status_code == 403
    assert client.post(reverse("ask_create", args=[drive.uid]), {"name": ""}).status_code == 422
    made = client.post(reverse("ask_create", args=[drive.uid]), {"name": "Ratify", "name_fr": "Ratifier", "done_when": "Deposited"})  # fmt: skip
    ask = Ask.objects.get()
    assert (made.status_code, ask.names, ask.place) == (302, {"fr": "Ratifier"}, 1)

    client.post(reverse("ask_edit", args=[ask.uid]), {"name": "Ratify it", "name_es": "Ratificar", "place": "1"})
    client.post(reverse("ask_archive", args=[ask.uid]))
    ask.refresh_from_db()
    assert (ask.name, ask.names, bool(ask.archived_at)) == ("Ratify it", {"es": "Ratificar"}, True)
    assert "Asked no longer" in client.get(page).content.decode()
    client.post(reverse("ask_unarchive", args=[ask.uid]))
    ask.refresh_from_db()
    assert ask.archived_at is None


def test_a_step_in_seconds_and_the_page_tells_it(sign_in, outreach, viewer):
    organization = OrganizationFactory(name="Ministry of Labour")
    ask = AskFactory(name="Ratify")
    url = reverse("position_add", args=[organization.uid])
    client = sign_in(outreach)

    assert sign_in(viewer).post(url, answers(ask)).status_code == 403
    refused = client.post(url, answers(ask, evidence=""), headers=HTMX)
    assert (refused.status_code, "some words, or a link" in refused.content.decode()) == (422, True)
    form = client.get(url).context["form"]
    key = str(form["key"].value())
    for _ in range(2):  # a double click
        assert client.post(url, answers(ask, key=key)).status_code == 302

    step = PositionStep.objects.get()
    assert (step.stance, step.recorded_by, Position.objects.get().step) == (6, outreach, step)
    page = sign_in(viewer).get(reverse("organization_positions", args=[organization.uid])).content.decode()
    assert "supportive" in page and "Said in parliament" in page and "New step" not in page
    detail = sign_in(viewer).get(reverse("organization_detail", args=[organization.uid])).content.decode()
    assert reverse("organization_positions", args=[organization.uid]) in detail
    assert "Position: supportive" in detail


def test_hostile_words_are_shown_as_words(sign_in, outreach):
    ask, organization = AskFactory(), OrganizationFactory()
    said = '<script>alert(1)</script> \u202egnp.exe "' + "x" * 4900

    sign_in(outreach).post(reverse("position_add", args=[organization.uid]), answers(ask, evidence=said))

    step = PositionStep.objects.get()
    page = sign_in(outreach).get(reverse("position_step", args=[step.uid])).content.decode()
    assert "<script>alert" not in page
    assert "<bdi>&lt;script&gt;" in page
    too_long = sign_in(outreach).post(reverse("position_add", args=[organization.uid]), answers(ask, evidence="x" * 1_000_000))  # fmt: skip
    assert (too_long.status_code, PositionStep.objects.count()) == (422, 1)


def test_who_says_so_may_be_in_the_directory_or_not(sign_in, outreach):
    ask, organization, who = AskFactory(), OrganizationFactory(), PersonFactory()
    url = reverse("position_add", args=[organization.uid])

    sign_in(outreach).post(url, answers(ask, said_by=str(who.uid)))
    sign_in(outreach).post(url, answers(ask, said_by_name="The driver", on="2026-10-02"))

    assert list(PositionStep.objects.order_by("pk").values_list("said_by", "said_by_name")) == [(who.pk, ""), (None, "The driver")]  # fmt: skip
    page = sign_in(outreach).get(reverse("person_detail", args=[who.uid])).content.decode()
    assert "Position: supportive" in page


def test_step_is_withdrawn_with_a_reason(sign_in, outreach, viewer):
    step = StepFactory()
    url = reverse("position_withdraw", args=[step.uid])

    assert sign_in(viewer).post(url, {"why": "x"}).status_code == 403
    assert sign_in(outreach).post(url, {"why": ""}).status_code == 422
    assert sign_in(outreach).post(url, {"why": "Wrong ministry"}).status_code == 302

    page = sign_in(viewer).get(reverse("organization_positions", args=[step.organization.uid])).content.decode()
    assert "withdrawn as wrong: Wrong ministry" in page
    assert Position.objects.get().stance is None


def test_numbers_of_a_drive_open_their_rows(sign_in, viewer):
    today = timezone.localdate()
    ask = AskFactory(name="Ratify")
    up, first = OrganizationFactory(name="Went up"), OrganizationFactory(name="Came new")
    StepFactory(ask=ask, organization=up, stance=3, on=today - timedelta(days=400))
    StepFactory(ask=ask, organization=up, stance=6, on=today)
    StepFactory(ask=ask, organization=first, stance=4, on=today)
    client = sign_in(viewer)

    stats = {move["label"]: move for move in client.get(reverse("ask_list", args=[ask.drive.uid])).context["moves"]}

    assert {label: move["value"] for label, move in stats.items()} == {"Moved up": 1, "Moved down": 0, "Known for the first time": 1}  # fmt: skip
    rows = client.get(stats["Moved up"]["url"]).context["table"].rows
    assert [(row.organization, row.previous, row.stance) for row in rows] == [(up, 3, 6)]
    assert [row.organization for row in client.get(stats["Known for the first time"]["url"]).context["table"].rows] == [first]  # fmt: skip
    found = client.get(reverse("position_list", args=[ask.drive.uid]) + "?stance=supportive").context["table"].rows
    assert [row.organization for row in found] == [up]


def test_what_moved_is_a_file_too(sign_in, planner):
    step = StepFactory(organization__name="Ministry", evidence="=cmd()")

    response = sign_in(planner).get(reverse("move_list", args=[step.ask.drive.uid]) + "?export=csv")

    text = b"".join(response.streaming_content).decode()
    assert "not known → interested" in text
    assert "'=cmd()" in text


def test_matrix_has_a_point_for_each_whose_power_is_known(sign_in, viewer, outreach):
    step, other = StepFactory(organization__name="Ministry"), StepFactory()
    sign_in(outreach).post(
        reverse("power_edit", args=[step.organization.uid]),
        {"campaign": str(step.ask.drive.campaign.uid), "power": "5", "why": "It decides"},
    )
    StepFactory(ask=step.ask)

    page = sign_in(viewer).get(reverse("position_matrix", args=[step.ask.drive.uid]))

    matrix = page.context["matrix"]
    assert Power.objects.get().why == "It decides"
    assert [(p["label"], p["x"], p["y"], p["url"]) for p in matrix.chart.points] == [
        ("Ministry", 5, 5, reverse("organization_positions", args=[step.organization.uid]))
    ]
    assert matrix.without_power == 1
    assert "5: decides" in page.content.decode()
    assert other.ask.drive != step.ask.drive


def test_rows_out_of_scope_do_not_exist(sign_in):
    officer = UserFactory()
    GrantFactory(user=officer, role="outreach", is_everywhere=False, countries=["ZM"])
    drive = DriveFactory(countries=["ZM", "TD"])
    ask = AskFactory(drive=drive)
    mine, hidden = StepFactory(ask=ask), StepFactory(ask=ask, organization=OrganizationFactory(country__code="TD"))
    client = sign_in(officer)

    rows = client.get(reverse("position_list", args=[drive.uid])).context["table"].rows

    assert [row.organization for row in rows] == [mine.organization]
    assert client.get(reverse("position_step", args=[hidden.uid])).status_code == 404
    assert client.get(reverse("organization_positions", args=[hidden.organization.uid])).status_code == 404


@pytest.mark.parametrize("name", ["ask_list", "position_list", "move_list", "position_matrix"])
def test_a_drives_pages_ask_as_much_for_one_row_as_for_three(sign_in, viewer, name):
    from django.db import connection

    first = StepFactory()
    client, url = sign_in(viewer), reverse(name, args=[first.ask.drive.uid])
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for n in range(2):
        step = StepFactory(ask=first.ask, on=date(2026, 10, 2 + n))
        StepFactory(organization=step.organization, ask=AskFactory(drive=first.ask.drive))

    with CaptureQueriesContext(connection) as three:
        client.get(url)

    assert len(three) == len(one) <= 25


def test_an_institutions_page_asks_as_much_for_one_ask_as_for_three(sign_in, viewer):
    from django.db import connection

    first = StepFactory()
    client, url = sign_in(viewer), reverse("organization_positions", args=[first.organization.uid])
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for _ in range(2):
        StepFactory(organization=first.organization, ask=AskFactory(drive=first.ask.drive))

    with CaptureQueriesContext(connection) as three:
        client.get(url)

    assert len(three) == len(one)
