from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.briefs.building import brief_of
from campaigns.briefs.printing import briefs_pdf, pages
from campaigns.guard.services import set_guard
from campaigns.interactions.services import log_interaction
from tests.factories import (
    ActivityFactory,
    AskFactory,
    CommitmentFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PostFactory,
    StepFactory,
)

pytestmark = pytest.mark.django_db
ARABIC = "وزارة العمل والحماية الاجتماعية"


@pytest.fixture
def ministry(outreach, planner):
    """One of which everything is known."""
    row = OrganizationFactory(name="Ministry of Labour")
    drive = DriveFactory()
    ask = AskFactory(drive=drive, name="Adopt a national plan", done_when="The gazette prints it")
    AskFactory(drive=drive, name="Not answered yet")
    StepFactory(organization=row, ask=ask, on=date(2026, 9, 1), stance=2)
    StepFactory(organization=row, ask=ask, on=date(2026, 10, 2), stance=6, evidence="We will bring it to cabinet.")
    CommitmentFactory(organization=row, drive=drive, ask=ask, text="Publish the draft")
    minister = MembershipFactory(
        post=PostFactory(organization=row, name="Minister", is_head=True),
        person__name="ليلى الهاشمي", person__given_name="", person__family_name="", person__pronunciation="LAY-la al-HA-shi-mi",
        person__honorific_prefix="H.E.", person__language="ar",
    )  # fmt: skip
    MembershipFactory(organization=row, person__name="Zoe Adviser")
    now = timezone.now()
    log_interaction(
        actor=outreach,
        kind="call",
        people=[minister.person],
        organizations=[row],
        at=now - timedelta(days=40),
        text="Asked who pays",
    )
    log_interaction(
        actor=outreach,
        kind="letter",
        organizations=[row],
        at=now - timedelta(days=2),
        is_two_way=False,
        text="The invitation",
    )
    set_guard(organization=row, actor=planner, owner=outreach, protocol="Only through the mission")
    return row


def test_brief_has_every_part_in_its_order(ministry, viewer):
    brief = brief_of(ministry, viewer)

    assert [(one.name, one.stance) for one in brief.asks] == [
        ("Adopt a national plan", "supportive"),
        ("Not answered yet", "not known"),
    ]
    assert brief.asks[0].evidence == "We will bring it to cabinet."
    assert [one.row.text for one in brief.promises] == ["Publish the draft"]
    assert [(one.person.name, one.post, one.said) for one in brief.people] == [
        ("ليلى الهاشمي", "Minister", "LAY-la al-HA-shi-mi"), ("Zoe Adviser", "", ""),
    ]  # fmt: skip
    assert brief.people[0].formal == "H.E. ليلى الهاشمي"
    # the call went both ways: it stands before the letter, which is younger
    assert [one.words for one in brief.contacts] == ["Asked who pays", "The invitation"]
    assert {each.kind for each in brief.guards} == {"owner", "protocol"}
    assert brief.facts[0].source


def test_brief_takes_the_same_queries_for_many_rows(ministry, viewer):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            brief_of(ministry, viewer)
        return len(queries)

    brief_of(ministry, viewer)
    one = count()
    for number in range(3):
        MembershipFactory(post=PostFactory(organization=ministry, name=f"Director {number}"))
        CommitmentFactory(organization=ministry, text=f"Promise {number}")

    assert count() == one


def test_page_and_pdf_are_one_page_with_names_from_right_to_left(ministry, sign_in, viewer):
    ministry.name = ARABIC
    ministry.save()
    client = sign_in(viewer)

    page = client.get(reverse("meeting_brief", args=[ministry.uid])).content.decode()
    answer = client.get(reverse("meeting_brief_pdf", args=[ministry.uid]))

    assert f"<bdi>{ARABIC}</bdi>" in page
    assert "LAY-la al-HA-shi-mi" in page
    assert (answer.status_code, answer["Content-Type"], pages(answer.content)) == (200, "application/pdf", 1)


def test_brief_that_has_too_much_to_say_stays_one_page(ministry, viewer):
    for number in range(9):
        StepFactory(
            organization=ministry, ask=AskFactory(name=f"{number} " + "long words " * 25, done_when="Until then " * 30),
            on=date(2026, 10, 3), evidence="They said a lot about it. " * 40,
        )  # fmt: skip
        CommitmentFactory(organization=ministry, text="They promised very much. " * 30)
        MembershipFactory(
            post=PostFactory(organization=ministry, name=f"{number} " + "Head of a large department " * 4)
        )

    brief = brief_of(ministry, viewer)

    assert brief.more["asks"] > 0
    assert pages(briefs_pdf([brief])) == 1


def test_briefs_of_a_meeting_are_those_of_its_country_and_constituencies(ministry, sign_in, viewer):
    other = OrganizationFactory(name="Union", constituency__code="WRK")
    far = OrganizationFactory(name="Elsewhere", country__code="TD")
    activity = ActivityFactory(kind="meeting")
    url, client = reverse("activity_briefs", args=[activity.uid]), sign_in(viewer)

    page = client.get(url).content.decode()
    file = client.get(url, {"o": [str(ministry.uid), str(far.uid)]})

    assert (
        reverse("activity_briefs", args=[activity.uid])
        in client.get(reverse("drive_activity", args=[activity.uid])).content.decode()
    )
    assert ministry.name in page
    assert other.name not in page
    assert far.name not in page
    assert pages(file.content) == 1
    assert client.get(url, {"o": "nothing"}).status_code == 422
    assert client.get(url, {"q": "nobody is called so"}).status_code == 200


def test_brief_is_out_of_sight_where_the_institution_is(ministry, sign_in):
    elsewhere = GrantFactory(role="outreach", is_everywhere=False, countries=["TD"]).user

    for name in ("meeting_brief", "meeting_brief_pdf"):
        assert sign_in(elsewhere).get(reverse(name, args=[ministry.uid])).status_code == 404


def test_how_a_name_is_said_is_edited_in_place_and_undone(ministry, sign_in, outreach):
    person = ministry.memberships.get(person__name="Zoe Adviser").person
    client = sign_in(outreach)

    client.post(
        reverse("person_edit", args=[person.uid, "pronunciation"]),
        {"pronunciation": "ZOH-ee", "seen": '{"pronunciation": ""}'},
    )

    person.refresh_from_db()
    assert person.pronunciation == "ZOH-ee"
    assert "ZOH-ee" in client.get(reverse("person_detail", args=[person.uid])).content.decode()
