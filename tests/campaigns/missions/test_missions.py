import json
import uuid
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.briefs.printing import pages
from campaigns.commitments.models import Commitment
from campaigns.interactions.models import Party
from campaigns.missions import services
from campaigns.missions.models import Mission
from campaigns.outreach.models import Interaction
from campaigns.positions.models import Position, PositionStep
from campaigns.todo.models import Task
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, StaleEdit
from tests.factories import (
    AskFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    MissionFactory,
    OrganizationFactory,
)

pytestmark = pytest.mark.django_db
DAY = timezone.localdate() - timedelta(days=3)


@pytest.fixture
def trip(outreach):
    """A draft, two institutions, an ask: what a trip is made of."""
    drive = DriveFactory()
    ministry, union = OrganizationFactory(name="Ministry"), OrganizationFactory(name="Union", constituency__code="WRK")
    person = MembershipFactory(organization=ministry, person__name="Awa Diop").person
    mission = MissionFactory(author=outreach, drive=drive)
    return {"mission": mission, "ministry": ministry, "union": union, "person": person, "ask": AskFactory(drive=drive)}


def typed(trip, **values):
    """What the page sends: two meetings, the first with everything."""
    mission = trip["mission"]
    return {
        "title": "Dakar and Bamako", "starts_on": "2026-10-05", "ends_on": "2026-10-09", "drive": str(mission.drive.uid), "summary": "In short",
        "version": str(mission.version), "tab": str(uuid.uuid4()), "meeting": ["m1", "m2"],
        "m1-parties": [f"organization:{trip['ministry'].uid}", f"person:{trip['person'].uid}"], "m1-on": DAY.isoformat(),
        "m1-text": "They want figures", "m1-p0_ask": str(trip["ask"].uid), "m1-p0_stance": "6", "m1-p0_evidence": "",
        "m1-c0_text": "Publish the draft", "m1-c0_due_on": "2027-03-01", "m1-s0_title": "Send figures", "m1-s0_due_on": "2027-01-10",
        "m2-parties": [f"organization:{trip['union'].uid}"], "m2-on": (DAY + timedelta(days=1)).isoformat(), "m2-text": "Short visit",
        **values,
    }  # fmt: skip


def counts():
    return [model.objects.count() for model in (Interaction, PositionStep, Commitment, Task)]


def test_whole_trip_is_filed_by_one_click_and_taken_back_by_one(sign_in, outreach, trip):
    client, mission = sign_in(outreach), trip["mission"]

    answer = client.post(reverse("mission_edit", args=[mission.uid]), {**typed(trip), "do": "file"})

    mission.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, reverse("mission_detail", args=[mission.uid]))
    assert (mission.state, counts()) == ("filed", [2, 1, 1, 1])
    step, promise, task = PositionStep.objects.get(), Commitment.objects.get(), Task.objects.get()
    met = mission.meetings.get(place=1).interaction
    assert (step.stance, step.on, step.evidence, step.said_by, step.interaction) == (
        6,
        DAY,
        "They want figures",
        trip["person"],
        met,
    )
    assert (promise.organization, promise.made_on, promise.owner, promise.promised_by) == (
        trip["ministry"],
        DAY,
        outreach,
        trip["person"],
    )
    assert (task.title, task.assignee, task.interaction, task.organization) == (
        "Send figures",
        outreach,
        met,
        trip["ministry"],
    )
    trip["ministry"].refresh_from_db()
    assert timezone.localdate(trip["ministry"].last_contacted_at) == DAY

    undo(entry=AuditEntry.objects.get(verb="mission.filed"), actor=outreach)

    mission.refresh_from_db()
    assert (mission.state, mission.meetings.count(), Party.objects.count()) == ("draft", 0, 0)
    assert (Position.objects.get().stance, Commitment.objects.get().state, Task.objects.get().is_open) == (
        None,
        "withdrawn",
        False,
    )
    # the draft is there as it was typed, and can be filed again
    page = client.get(reverse("mission_edit", args=[mission.uid])).content.decode()
    assert "They want figures" in page
    client.post(reverse("mission_edit", args=[mission.uid]), {**typed(trip), "version": mission.version, "do": "file"})
    assert Interaction.objects.standing().count() == 2


def test_double_click_files_once_and_nothing_half(sign_in, outreach, trip):
    met = services.Met("m1", DAY, organizations=[trip["ministry"]], text="Once")
    wrong = services.Met(
        "m2", DAY, organizations=[trip["union"]], promised=[services.Promised("x", date(2020, 1, 1), trip["ask"])]
    )

    with pytest.raises(Invalid) as refused:
        services.file_mission(mission=trip["mission"], actor=outreach, meetings=[met, wrong])
    after = counts()
    first = services.file_mission(mission=trip["mission"], actor=outreach, meetings=[met])
    second = services.file_mission(mission=trip["mission"], actor=outreach, meetings=[met])

    assert (refused.value.data["meeting"], after) == ("m2", [0, 0, 0, 0])
    assert (first is not None, second, Interaction.objects.count()) == (True, None, 1)


def test_what_is_missing_is_said_and_everything_typed_is_kept(sign_in, outreach, trip):
    client, mission = sign_in(outreach), trip["mission"]
    tomorrow = (timezone.localdate() + timedelta(days=2)).isoformat()
    data = typed(trip, **{"m1-parties": [], "m2-on": tomorrow, "m1-c0_due_on": "", "m1-p0_stance": "", "do": "file"})

    answer = client.post(reverse("mission_edit", args=[mission.uid]), data)

    text = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Say with whom", "This day lies ahead", "By when?", "say both", "nothing was logged"):
        assert words in text
    assert counts() == [0, 0, 0, 0]
    mission.refresh_from_db()
    assert json.loads(mission.draft)["m1-text"] == ["They want figures"]


def test_draft_survives_a_closed_tab_and_another_tab_does_not_overwrite_it(sign_in, outreach, planner, trip):
    client, mission = sign_in(outreach), trip["mission"]
    keep, edit = reverse("mission_keep", args=[mission.uid]), reverse("mission_edit", args=[mission.uid])
    first, other = typed(trip), typed(trip)

    kept = client.post(keep, {**first, "m1-text": "Half a sen"}, headers={"HX-Request": "true"}).content.decode()
    again = client.post(keep, {**first, "m1-text": "Half a sentence"}, headers={"HX-Request": "true"}).content.decode()
    stale = client.post(keep, {**other, "m1-text": "From an old tab"}, headers={"HX-Request": "true"}).content.decode()
    added = client.post(edit, {**first, "version": "2", "do": "add"})

    assert 'value="1"' in kept
    assert 'value="2"' in again
    assert "Another tab" in stale
    assert (added.status_code, added["Location"].rpartition("#")[2]) == (302, "m3")
    page = client.get(edit).content.decode()
    assert "From an old tab" not in page
    assert 'id="m3"' in page
    assert sign_in(planner).get(edit).status_code == 404  # a draft is its author's
    assert counts() == [0, 0, 0, 0]


def test_report_is_read_and_printed_as_far_as_one_may_see_it(sign_in, outreach, viewer, trip):
    far = OrganizationFactory(name="Far away", country__code="TD")
    meetings = [
        services.Met(
            "m1", DAY, people=[trip["person"]], organizations=[trip["ministry"]], text="<script>x</script> وزارة"
        ),
        services.Met("m2", DAY, organizations=[far], text="Said elsewhere"),
    ]
    services.file_mission(mission=trip["mission"], actor=outreach, meetings=meetings)
    url = reverse("mission_detail", args=[trip["mission"].uid])
    limited = GrantFactory(role="viewer", is_everywhere=False, countries=["ZM"]).user
    elsewhere = GrantFactory(role="viewer", is_everywhere=False, countries=["FR"]).user

    whole, part = sign_in(viewer).get(url).content.decode(), sign_in(limited).get(url).content.decode()
    paper = sign_in(viewer).get(reverse("mission_print", args=[trip["mission"].uid]))

    assert "&lt;script&gt;x&lt;/script&gt;" in whole
    assert "Said elsewhere" in whole
    assert "Said elsewhere" not in part
    assert sign_in(elsewhere).get(url).status_code == 404
    assert (paper["Content-Type"], pages(paper.content)) == ("application/pdf", 1)


def test_list_has_one_query_more_for_no_row(sign_in, outreach, trip, django_assert_max_num_queries):
    client, url = sign_in(outreach), reverse("mission_list")
    client.get(url)
    with django_assert_max_num_queries(60) as one:
        client.get(url)
    MissionFactory.create_batch(2, author=outreach)
    with django_assert_max_num_queries(len(one)):
        assert client.get(url).content.decode().count("Trip ") >= 3


def test_stale_draft_is_refused_by_the_service(outreach, trip):
    common = {"mission": trip["mission"], "actor": outreach, "data": {}, "header": {}}
    services.keep_draft(**common, version=0, tab=uuid.uuid4())

    with pytest.raises(StaleEdit):
        services.keep_draft(**common, version=0, tab=uuid.uuid4())


def test_discarded_draft_comes_back(outreach, trip):
    entry = services.discard_mission(mission=trip["mission"], actor=outreach)
    assert not Mission.objects.standing().exists()

    undo(entry=entry, actor=outreach)

    assert Mission.objects.standing().get() == trip["mission"]


def told(trip, **values):
    """A trip as a program tells it."""
    first = {
        "on": DAY.isoformat(), "organizations": [str(trip["ministry"].uid)], "people": [str(trip["person"].uid)], "text": "They want figures",
        "positions": [{"ask": str(trip["ask"].uid), "stance": "supportive"}],
        "commitments": [{"text": "Publish the draft", "due_on": "2027-03-01"}],
        "next_steps": [{"title": "Send figures", "due_on": "2027-01-10"}],
    }  # fmt: skip
    second = {"on": DAY.isoformat(), "organizations": [str(trip["union"].uid)], "text": "Short visit"}
    head = {"title": "Dakar", "starts_on": "2026-10-05", "ends_on": "2026-10-09", "drive": str(trip["mission"].drive.uid), "summary": "In short"}  # fmt: skip
    return {**head, "meetings": [first, second], **values}


def test_whole_trip_over_the_api_is_filed_at_once_and_can_be_taken_back_to_a_draft(api, sign_in, outreach, trip):
    made = api(outreach).post("/mission-reports", told(trip)).json()

    mission = Mission.objects.get(uid=made["uid"])
    assert (mission.state, mission.summary, len(made["interactions"]), counts()) == (
        "filed",
        "In short",
        2,
        [2, 1, 1, 1],
    )
    assert (PositionStep.objects.get().evidence, Commitment.objects.get().drive) == ("They want figures", mission.drive)
    assert Task.objects.get().assignee == outreach

    undo(entry=AuditEntry.objects.get(verb="mission.filed"), actor=outreach)
    client, edit = sign_in(outreach), reverse("mission_edit", args=[mission.uid])
    page = client.get(edit).content.decode()
    assert all(words in page for words in ("They want figures", "Publish the draft", "Send figures", "Short visit", "Awa Diop"))  # fmt: skip
    mission.refresh_from_db()
    assert (mission.state, mission.meetings.count()) == ("draft", 0)


def test_trip_over_the_api_with_one_wrong_meeting_logs_nothing(api, outreach, viewer, trip):
    client = api(outreach)
    body = told(trip)
    late = {**body["meetings"][1], "commitments": [{"text": "x", "due_on": "2020-01-01"}]}

    refused = client.post("/mission-reports", {**body, "meetings": [body["meetings"][0], late]}, status=422).json()
    strange = {**body["meetings"][1], "organizations": [str(uuid.uuid4())]}
    missing = client.post("/mission-reports", {**body, "meetings": [strange]}, status=422).json()
    client.post("/mission-reports", {**body, "meetings": []}, status=422)
    api(viewer).post("/mission-reports", body, status=403)

    assert (refused["meeting"], list(missing["fields"])) == ("m2", ["meetings.0.organizations"])
    assert (counts(), Mission.objects.count()) == ([0, 0, 0, 0], 1)  # the one of the fixture
