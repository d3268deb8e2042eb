import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.activities.models import Activity
from campaigns.guard.services import set_guard
from campaigns.interactions.services import Guarded
from campaigns.outreach.models import Interaction
from campaigns.rounds import services
from campaigns.rounds.models import CallLine, CallRound
from campaigns.rounds.services import LEASE, claim_next, close_round, hold_line, record_outcome, skip_line, start_round
from campaigns.todo.models import Task
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed
from crm.retention.registry import KINDS
from tests.factories import (
    ActivityFactory,
    ContactPointFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    SegmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
RULES = {"version": 1, "op": "all", "rules": [{"field": "membership", "operator": "yes"}]}


def officer(**values):
    return GrantFactory(user=UserFactory(), role="outreach", **values).user


def begun(actor, people=2, **values):
    for number in range(people):
        MembershipFactory(
            person__name=f"Person {number}", organization=OrganizationFactory(country__code="ZM"), is_primary=True
        )
    return start_round(
        name="Round table", segment=SegmentFactory(tree=RULES), actor=actor, script="Good morning", **values
    )


def test_a_segment_becomes_call_sheets_with_the_institutions_that_people_stand_for(outreach, viewer):
    row = begun(outreach)

    lines = list(row.lines.select_related("person", "organization").order_by("pk"))
    assert [line.person.name for line in lines] == ["Person 0", "Person 1"]
    assert all(line.organization == line.person.memberships.get().organization for line in lines)
    with pytest.raises(NotAllowed):
        start_round(name="Mine", segment=row.segment, actor=viewer)
    far = officer(is_everywhere=False, countries=["TD"])
    with pytest.raises(Invalid, match="nobody"):
        start_round(name="Empty", segment=row.segment, actor=far)
    assert CallRound.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_officers_at_the_same_moment_never_hold_the_same_call():
    officers = [officer() for _number in range(4)]
    row, found, at_once = begun(officers[0], people=4), [], threading.Barrier(4)

    def take(user):
        try:
            at_once.wait()
            found.append(claim_next(round_=row, actor=user).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[user]) for user in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 4


def test_one_keeps_the_call_that_one_holds_and_a_lease_that_ended_is_anothers(outreach):
    other, now = officer(), timezone.now()
    row = begun(outreach, people=1)
    line = claim_next(round_=row, actor=outreach, now=now)

    assert claim_next(round_=row, actor=outreach, now=now).token == line.token
    assert claim_next(round_=row, actor=other, now=now) is None
    taken = claim_next(round_=row, actor=other, now=now + LEASE + timedelta(seconds=1))

    assert (taken.pk, taken.claimed_by) == (line.pk, other)
    with pytest.raises(Conflict, match="took this call meanwhile"):
        record_outcome(line=line, actor=outreach, token=line.token, outcome="reached")
    assert not Interaction.objects.exists()


def test_what_came_of_a_call_is_logged_once_with_its_next_step(outreach):
    row = begun(outreach, people=1)
    line = claim_next(round_=row, actor=outreach)

    logged = record_outcome(
        line=line, actor=outreach, token=line.token, outcome="reached", text="They come", next_step="Send the agenda"
    )
    with pytest.raises(Conflict, match="over already"):
        record_outcome(line=line, actor=outreach, token=line.token, outcome="reached", text="They come")

    interaction = Interaction.objects.get()
    assert logged.interaction == interaction
    assert (interaction.kind, interaction.is_two_way, interaction.text) == ("call", True, "They come")
    assert interaction.subject == "Round table: talked with them"
    assert Task.objects.get().title == "Send the agenda"
    line.refresh_from_db()
    assert (line.state, line.outcome, line.done_by, line.token) == ("done", "reached", outreach, None)
    assert claim_next(round_=row, actor=outreach) is None


def test_who_did_not_answer_comes_again_later_and_not_for_ever(outreach):
    row = begun(outreach, people=1, most_tries=2)
    line = claim_next(round_=row, actor=outreach)

    record_outcome(line=line, actor=outreach, token=line.token, outcome="no_answer")
    assert claim_next(round_=row, actor=outreach) is None
    again = claim_next(round_=row, actor=outreach, now=timezone.now() + services.AGAIN + timedelta(minutes=1))
    record_outcome(line=again, actor=outreach, token=again.token, outcome="message")

    again.refresh_from_db()
    assert (again.state, again.tries, again.outcome) == ("done", 2, "message")
    assert list(Interaction.objects.values_list("is_two_way", flat=True)) == [False, False]


def test_calls_are_held_and_skipped_with_a_reason(outreach):
    row = begun(outreach, people=2)
    first = claim_next(round_=row, actor=outreach)
    hold_line(line=first, actor=outreach, token=first.token, until=timezone.localdate() + timedelta(days=3))
    second = claim_next(round_=row, actor=outreach)
    with pytest.raises(Invalid):
        skip_line(line=second, actor=outreach, token=second.token, why=" ")
    skip_line(line=second, actor=outreach, token=second.token, why="Spoke to them at the airport")

    assert claim_next(round_=row, actor=outreach) is None
    assert CallLine.objects.filter(state="skipped").get().note == "Spoke to them at the airport"
    later = timezone.now() + timedelta(days=4)
    assert claim_next(round_=row, actor=outreach, now=later).pk == first.pk


def test_a_guard_is_asked_before_a_call_is_logged(outreach, planner):
    row = begun(outreach, people=1)
    line = claim_next(round_=row, actor=outreach)
    set_guard(organization=line.organization, actor=planner, protocol="Through the mission")

    with pytest.raises(Guarded):
        record_outcome(line=line, actor=outreach, token=line.token, outcome="reached")
    line.refresh_from_db()
    assert line.state == "open"
    record_outcome(
        line=line, actor=outreach, token=line.token, outcome="reached", override_reason="The mission put us through"
    )
    assert Interaction.objects.count() == 1


def test_closed_round_calls_nobody_until_it_is_taken_back(outreach):
    row = begun(outreach, people=1)
    claim_next(round_=row, actor=outreach)

    entry = close_round(round_=row, actor=outreach)

    assert close_round(round_=row, actor=outreach) is None
    with pytest.raises(Conflict):
        claim_next(round_=row, actor=outreach)
    with pytest.raises(NotAllowed):
        close_round(round_=row, actor=officer())
    undo(entry=entry, actor=outreach)
    assert claim_next(round_=row, actor=outreach) is not None


def test_calls_are_made_from_one_page(sign_in, outreach, viewer):
    client, segment = sign_in(outreach), SegmentFactory(tree=RULES)
    person = MembershipFactory(
        person__name="Awa Diop", organization=OrganizationFactory(name="Ministry"), is_primary=True
    ).person
    ContactPointFactory(person=person, kind="phone", value="+221 77 000 00 00")
    MembershipFactory(person__name="Bob Banda", is_primary=True)

    made = client.post(
        reverse("round_create"),
        {"name": "Round table", "segment": segment.uid, "script": "Good morning", "most_tries": "3"},
    )
    row = CallRound.objects.get()
    page = reverse("round_call", args=[row.uid])
    assert made.status_code == 302
    assert "Take the next call" in client.get(page).content.decode()
    client.post(page)
    text = client.get(page).content.decode()
    assert all(
        words in text for words in ("Awa Diop", "Ministry", 'href="tel:+221770000000"', "Good morning", "0 of 2 done")
    )
    line = CallLine.objects.get(person=person)
    url = reverse("call_outcome", args=[line.uid])
    assert client.post(url, {"token": line.token}).status_code == 422
    assert client.post(url, {"token": line.token, "outcome": "call_back"}).status_code == 422
    assert client.post(url, {"token": line.token, "outcome": "refused", "text": "Not now"}).status_code == 302
    assert "Bob Banda" in client.get(page).content.decode()
    detail = reverse("round_detail", args=[row.uid])
    text = client.get(detail).content.decode()
    assert "does not want to talk" in text
    assert "Outreach is calling" in text
    assert sign_in(viewer).get(page).status_code == 403
    assert sign_in(officer(is_everywhere=False, countries=["AQ"])).get(detail).status_code == 404
    assert "Round table" in client.get(reverse("round_list")).content.decode()


# --- in the plan of a drive ---------------------------------------------------------------------------------------------------
def test_a_round_is_begun_for_an_activity_and_each_leads_to_the_other(sign_in, outreach, planner):
    MembershipFactory(organization=OrganizationFactory(country__code="ZM"), is_primary=True)
    activity = ActivityFactory(kind="call_round", name="Call the ministries", owner=outreach)
    client, page = sign_in(outreach), reverse("drive_activity", args=[activity.uid])
    begin = f"{reverse('round_create')}?activity={activity.uid}"
    assert begin in client.get(page).content.decode()
    assert "Call the ministries" in client.get(begin).content.decode()

    client.post(begin, {"name": "First round", "segment": str(SegmentFactory(tree=RULES).uid), "most_tries": "3"})

    row = CallRound.objects.get()
    activity.refresh_from_db()
    assert (activity.call_round, activity.state) == (row, "under_way")
    there = reverse("round_detail", args=[row.uid])
    assert there in client.get(page).content.decode() and begin not in client.get(page).content.decode()
    assert page in client.get(there).content.decode()
    assert client.get(begin).status_code == 404  # it has its round
    undo(entry=AuditEntry.objects.get(verb="activity.edited"), actor=planner)
    activity.refresh_from_db()
    assert (activity.call_round, activity.state) == (None, "planned")


def test_only_a_planned_round_of_ones_own_becomes_a_round_and_one_round_is_one_activity(sign_in, planner, outreach):
    row = begun(outreach)
    ActivityFactory(kind="call_round", call_round=row)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActivityFactory(kind="call_round", call_round=row)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActivityFactory(kind="meeting", call_round=begun(outreach))
    strangers = ActivityFactory(kind="call_round", owner=planner)
    data = {"name": "Not mine", "segment": str(row.segment.uid), "most_tries": "3"}
    assert sign_in(outreach).post(f"{reverse('round_create')}?activity={strangers.uid}", data).status_code == 403
    assert not CallRound.objects.filter(name="Not mine").exists()


def test_notes_of_calls_and_of_activities_go_when_their_time_is_over(outreach):
    now = timezone.now()
    old, young = (line for line in begun(outreach).lines.order_by("pk"))
    CallLine.objects.update(state="skipped", note="Moved away", done_at=now)
    CallLine.objects.filter(pk=old.pk).update(done_at=now - timedelta(days=800))
    day = timezone.localdate() - timedelta(days=800)
    over, open_one = (
        ActivityFactory(starts_on=day, due_on=day, note="She opens the door", **values)
        for values in ({"state": "done", "done_on": day}, {})
    )
    Activity.objects.update(updated_at=now - timedelta(days=799))
    before = now - timedelta(days=730)

    for code in ("call_notes", "activity_notes"):
        assert KINDS[code].count(before, None, 10) == 1
        assert (KINDS[code].work(before, None).rows, KINDS[code].work(before, None).rows) == (1, 0)

    assert [line.note for line in CallLine.objects.order_by("pk")] == ["", "Moved away"]
    assert [Activity.objects.get(pk=row.pk).note for row in (over, open_one)] == ["", "She opens the door"]
    assert young.pk
