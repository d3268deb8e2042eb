"""Answers find their person when it is certain, else a colleague decides; a form adds to the directory and replaces nothing."""

import re
import time
import tracemalloc

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.forms import filing, holdings
from campaigns.forms.bench import _MORE, MANY
from campaigns.forms.checking import Offers
from campaigns.forms.engine import questions_of
from campaigns.forms.models import FormDraft, Submission
from campaigns.forms.results import outcomes
from contacts.consent.erasure.registry import PersonalData
from contacts.consent.models import OptInRequest
from contacts.consent.queries import is_permitted
from contacts.consent.services import grant_consent, withdraw_consent
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, WrongState
from tests.factories import (
    ContactPointFactory,
    CountryFactory,
    FormFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    SubmissionFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def arrive(**more):
    more = {"state": "received", "name": "Rakoto Hery", "email": "hery@people.test", "country": None} | more
    return SubmissionFactory(**more)


def known(**more):
    return ContactPointFactory(
        person=PersonFactory(**({"name": "Rakoto Hery"} | more)), value="hery@people.test"
    ).person


def file_all():
    return filing.file_received(until=time.monotonic() + 30)


def test_certain_answers_file_themselves_and_twice_is_once():
    person, row, nobody = known(country=None), arrive(), arrive(email="", name="", address_hash=None)

    assert (file_all(), file_all()) == (2, 0)

    row.refresh_from_db(), nobody.refresh_from_db(), person.refresh_from_db()
    assert (row.state, row.person, row.doubts) == ("filed", person, [])
    assert (nobody.state, nobody.person) == ("kept", None)
    assert AuditEntry.objects.filter(verb="submission.filed").count() == 1


def test_what_filed_itself_and_was_taken_back_waits_and_what_it_would_add_waits(planner):
    person, row = known(country=None), arrive()
    more = arrive(phone="+260971234567", country=CountryFactory(code="ZM"))
    file_all()
    undo(entry=AuditEntry.objects.get(verb="submission.filed"), actor=planner)
    file_all()

    row.refresh_from_db(), more.refresh_from_db(), person.refresh_from_db()
    assert (row.state, row.person, more.state, len(more.doubts)) == ("waiting", None, "waiting", 2)
    assert person.country_id is None and not person.contact_points.filter(kind="phone").exists()

    filing.decide(submission=more, actor=planner, person=person)
    person.refresh_from_db()
    assert person.country_id == "ZM" and person.contact_points.get(kind="phone").value.endswith("971234567")


def test_grants_do_not_lend_each_other_their_reach(outsider):
    here, there = CountryFactory(code="ZM"), CountryFactory(code="TD")
    one, other = FormFactory(), FormFactory()
    GrantFactory(user=outsider, role="viewer", is_everywhere=False, campaigns=[one.campaign.uid], countries=["ZM"])
    GrantFactory(user=outsider, role="viewer", is_everywhere=False, campaigns=[other.campaign.uid], countries=["TD"])
    seen = [arrive(form=one, country=here), arrive(form=other, country=there), arrive(form=one)]
    arrive(form=one, country=there), arrive(form=other, country=here)

    assert set(Submission.objects.visible_to(outsider)) == set(seen)


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"email": "new@people.test"}, "Nobody in the directory"),
        ({"name": "Somebody Else"}, "The address is that of Rakoto Hery"),
        ({"country": "TD"}, "another country"),
        ({"organization_name": "Another Union"}, "no such institution"),
    ],
)
def test_what_differs_waits_for_a_person_and_changes_nothing(said, doubt):
    person = known(country=CountryFactory(code="ZM"))
    MembershipFactory(person=person, organization=OrganizationFactory(name="Union A"), post=None)
    if "country" in said:
        said = {"country": CountryFactory(code=said["country"])}
    row, same = arrive(**said), arrive(organization_name="union a")

    file_all()

    row.refresh_from_db(), same.refresh_from_db()
    assert (row.state, row.person, same.state) == ("waiting", None, "filed")
    assert [doubt in sentence for sentence in row.doubts] == [True]
    assert Person.objects.count() == 1


def test_several_with_one_address_and_what_breaks_wait(monkeypatch):
    known(), ContactPointFactory(person=PersonFactory(), value="hery@people.test")
    several, broken = arrive(), arrive(email="broken@people.test")
    real = filing.people_at
    monkeypatch.setattr(filing, "people_at", lambda email: real(email) if "hery" in email else 1 / 0)

    file_all()

    several.refresh_from_db(), broken.refresh_from_db()
    assert several.doubts == ["Several people have this address."]
    assert broken.state == "waiting" and "ZeroDivisionError" in broken.doubts[0]


def test_a_tick_asks_by_letter_and_reverses_no_withdrawal(planner):
    wanted, gone, has = TopicFactory(), TopicFactory(), TopicFactory()
    person = known()
    for topic in (gone, has):
        grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test", actor=planner)
    withdraw_consent(subject=person, topic=gone, source="test", actor=planner)
    uids = [str(topic.uid) for topic in (wanted, gone, has)]
    form = FormFactory(questions=[{"key": "topics", "kind": "consent", "labels": {"en": "Send me"}, "topics": uids}])
    arrive(form=form, answers={"topics": uids})

    file_all()

    assert [request.topic for request in OptInRequest.objects.all()] == [wanted]
    assert (
        not is_permitted(subject_uid=person.uid, topic=wanted)
        and not is_permitted(subject_uid=person.uid, topic=gone)
        and is_permitted(subject_uid=person.uid, topic=has)
    )


def test_staff_see_both_side_by_side_and_decide(sign_in, planner, outsider):
    person, row, other = (
        known(name="Hery Rakoto"),
        arrive(state="waiting", doubts=["The address is that of somebody."]),
        arrive(state="waiting", name="New One", email="new@people.test", country=CountryFactory(code="ZM")),
    )
    client, base = sign_in(planner), f"/forms/answers/{row.uid}"
    assert sign_in(outsider).get(f"{base}/").status_code in (403, 404)
    page = client.get(f"{base}/").content.decode()
    assert "has this address" in page and "The address is that of somebody." in page and "What do you need?" in page
    assert "Rakoto Hery" in client.get(f"/forms/{row.form.uid}/?tab=waiting").content.decode()

    assert client.post(f"{base}/decide/", {"person": str(person.uid)}).status_code == 302
    assert client.post(f"/forms/answers/{other.uid}/decide/", {"person": ""}).status_code == 302
    row.refresh_from_db(), other.refresh_from_db()
    assert (row.state, row.person, row.decided_by) == ("filed", person, planner)
    assert other.person.name == "New One" and other.person.contact_points.get().value == "new@people.test"
    assert "Answered Form" in client.get(reverse("person_detail", args=[person.uid])).content.decode()
    assert client.post(f"{base}/decide/", {"person": str(person.uid)}).status_code == 422
    with pytest.raises(WrongState):
        filing.set_aside(submission=row, actor=planner)

    undo(entry=AuditEntry.objects.filter(verb="submission.filed", object_uid=row.uid).get(), actor=planner)
    row.refresh_from_db()
    assert (row.state, row.person) == ("waiting", None)
    client.post(f"{base}/aside/")
    row.refresh_from_db()
    assert row.state == "aside" and Submission.objects.counted().count() == 1


def test_results_are_charts_with_tables_and_every_bar_opens_its_rows(sign_in, planner):
    form = FormFactory(questions=[
        {"key": "need", "kind": "choice", "labels": {"en": "Need?"}, "options": [{"value": v, "labels": {"en": v.title()}} for v in ("money", "people")]},
        {"key": "days", "kind": "choices", "labels": {"en": "Days?"}, "options": [{"value": v, "labels": {"en": v}} for v in ("mo", "tu")]},
        {"key": "size", "kind": "number", "labels": {"en": "How many?"}}, {"key": "when", "kind": "date", "labels": {"en": "When?"}},
        {"key": "land", "kind": "country", "labels": {"en": "Where?"}}, {"key": "why", "kind": "long", "labels": {"en": "Why?"}},
    ])  # fmt: skip
    for number in range(30):
        answers = {
            "need": "money" if number % 3 else "people",
            "days": ["mo", "tu"][: 1 + number % 2],
            "size": number * 7,
            "when": f"2026-{1 + number % 9:02}-01",
            "land": "ZM",
            "why": "x",
        }
        SubmissionFactory(form=form, state="filed", answers=answers, country=CountryFactory(code="ZM"))
    SubmissionFactory(form=form, state="aside", answers={"need": "money"})

    rows = Submission.objects.counted().filter(form=form)
    with CaptureQueriesContext(connection) as captured:
        found = {
            o.question.key: o
            for o in outcomes(questions_of(form), rows, Offers({"ZM": "Zambia"}), "en", url="?tab=answers")
        }
    assert len(captured) == 2
    assert found["need"].chart.labels == ["Money", "People"] and found["need"].chart.series[0].values == [20.0, 10.0]
    assert found["need"].chart.urls[0] == "?tab=answers&need=money"
    assert found["days"].chart.series[0].values == [30.0, 15.0] and found["land"].chart.labels == ["Zambia"]
    assert sum(found["size"].chart.series[0].values) == 30 and "median 101.5, from 0 to 203" in found["size"].words
    assert len(found["when"].chart.labels) == 9 and found["why"].chart is None and found["why"].answered == 30

    client = sign_in(planner)
    page = client.get(f"/forms/{form.uid}/?tab=results").content.decode()
    assert "As a table" in page and "30 answers" in page
    narrowed = client.get(f"/forms/{form.uid}/?tab=answers&need=people").content.decode()
    assert len(re.findall("/forms/answers/", narrowed)) == 10
    csv = b"".join(client.get(f"/forms/{form.uid}/?tab=answers&export=csv").streaming_content).decode()
    assert csv.count("\n") == 32 and "Need?" in csv and "Why?" in csv
    with CaptureQueriesContext(connection) as few:
        client.get(f"/forms/{form.uid}/?tab=answers")
    assert len(few) <= 25
    assert all(
        client.get(f"/forms/{form.uid}/?tab={tab}").status_code == 200 for tab in ("waiting", "sharing", "nothing")
    )


def test_partners_get_html_that_needs_no_script(sign_in, planner):
    form = FormFactory(slug="needs", name='A "form" <b>', origins=["https://partner.org"])

    page = sign_in(planner).get(f"/forms/{form.uid}/?tab=sharing").content.decode()

    assert "sandbox=&quot;allow-forms allow-same-origin&quot;" in page and "name=&quot;q-need&quot;" in page
    assert "<b>" not in page.split("gs-embed")[2]


def test_a_persons_answers_are_handed_over_and_erased_with_what_they_began():
    person = known()
    row, stray = arrive(state="filed", person=person, email="", address_hash=None), arrive(state="waiting")
    other = arrive(email="other@people.test")
    begun = {"name": "Rakoto", "email": "Hery@people.test"}
    FormDraft.objects.create(form=row.form, language="en", answers=begun)
    of_another = FormDraft.objects.create(form=row.form, language="en", answers=begun | {"email": "other@people.test"})
    data = PersonalData.of(person.uid)

    handed = [(entry["state"], entry["answers"][0]["answer"]) for entry in holdings._export(data)]
    assert handed == [("filed", "Rakoto Hery"), ("waiting", "Rakoto Hery"), ("begun", "Rakoto")]
    assert holdings._erase(data) == 3
    assert list(Submission.objects.all()) == [other] and list(FormDraft.objects.all()) == [of_another]
    assert holdings.remove_old(other.created_at, None).rows == 0
    assert row.pk and stray.pk


def test_undo_of_a_decision_that_was_changed_since_is_refused(planner):
    row = arrive(state="waiting")
    entry = filing.set_aside(submission=row, actor=planner)
    Submission.objects.update(state="waiting")

    with pytest.raises(Conflict):
        undo(entry=entry, actor=planner)


def test_results_and_lists_of_ten_thousand_answers_cost_few_queries_and_little_memory(sign_in, planner):
    form = FormFactory()
    with connection.cursor() as cursor:
        cursor.execute(_MORE, [form.pk, MANY])
    client = sign_in(planner)
    client.get(f"/forms/{form.uid}/?tab=results")  # what a process loads once

    for tab, words in (("results", "10,000"), ("answers", "Visitor"), ("waiting", "")):
        tracemalloc.start()
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"/forms/{form.uid}/?tab={tab}")
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert words in page.content.decode() and len(queries) <= 25, tab
        assert most < 20 * 2**20, (tab, most)  # ten thousand answers as objects take several times as much
