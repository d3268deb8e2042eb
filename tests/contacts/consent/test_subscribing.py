"""Many at once: who is subscribed, who is left out and why, and that a job does nothing twice."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from contacts.consent import services
from contacts.consent.models import ConsentEvent, OptInRequest, SubscriptionRun
from contacts.consent.queries import is_permitted
from contacts.consent.services import subscribing
from contacts.directory.models import Organization, Person
from contacts.segments.lists import add_to_list
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.errors import Invalid
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.factories import (
    ContactListFactory,
    ContactPointFactory,
    CountryFactory,
    GrantFactory,
    OrganizationFactory,
    PersonFactory,
    SegmentFactory,
    TopicFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def member(**values):
    person = PersonFactory(**values)
    ContactPointFactory(person=person)
    return person


def start(topic, rows=None, **values):
    return services.subscribe(**{
        "rows": Person.objects.all() if rows is None else rows, "topic": topic, "way": "record",
        "lawful_basis": "consent", "source": "Sign-up sheet", "evidence": "Sheet 4, box 2", "label": "all", "actor": None,
        **values,
    })  # fmt: skip


def a_form(topic, **values):
    return {
        "go": "1",
        "topic": str(topic.uid),
        "way": "record",
        "lawful_basis": "consent",
        "source": "Sign-up sheet",
        "evidence": "Sheet 4",
        **values,
    }


def test_everybody_is_subscribed_or_left_out_with_a_reason(planner):
    topic = TopicFactory()
    new, gave, left, never = member(), member(), member(), member()
    services.grant_consent(subject=gave, topic=topic, lawful_basis="contract", source="form")
    services.withdraw_consent(subject=left, topic=topic, source="call")
    services.suppress_address(address=never.contact_points.get().value, reason="unsubscribed", source="page")
    before = ConsentEvent.objects.count()

    run = start(topic, actor=planner)

    assert run.counts == {"granted": 1, "already": 1, "withdrawn": 1, "suppressed": 1}
    event = ConsentEvent.objects.get(subject_uid=new.uid)
    assert (event.lawful_basis, event.source, event.evidence, event.actor_uid) == (
        "consent", "Sign-up sheet", "Sheet 4, box 2", planner.uid,
    )  # fmt: skip
    assert ConsentEvent.objects.count() == before + 1
    assert not is_permitted(subject_uid=left.uid, topic=topic)
    assert not is_permitted(subject_uid=never.uid, topic=topic)
    assert AuditEntry.objects.filter(verb="consent.granted", actor=planner).count() == 1
    assert AuditChange.objects.get(object_uid=new.uid).after == "grant"
    assert OutboxEvent.objects.filter(type="consent.granted", object_uid=new.uid).count() == 1


@pytest.mark.parametrize("missing", [{"lawful_basis": ""}, {"source": " "}, {"evidence": ""}, {"way": "by hook"}])
def test_no_basis_no_subscription(missing):
    member()
    with pytest.raises(Invalid):
        start(TopicFactory(), **missing)
    assert not ConsentEvent.objects.exists() and not SubscriptionRun.objects.exists()


def test_the_database_refuses_a_run_without_evidence():
    with pytest.raises(IntegrityError), transaction.atomic():
        SubscriptionRun.objects.create(
            topic=TopicFactory(), subject_kind="person", way="record", lawful_basis="consent", source="x", label="x"
        )


def test_asking_many_makes_requests_and_no_permission(planner):
    topic, one, two, nowhere = TopicFactory(), member(), member(), PersonFactory()
    ContactPointFactory(person=two, value=one.contact_points.get().value, is_preferred=True)

    run = start(topic, way="ask", lawful_basis="", actor=planner)

    assert run.counts == {"asked": 1, "asked_lately": 1, "no_address": 1}
    assert OptInRequest.objects.get().subject_uid == one.uid
    assert not ConsentEvent.objects.exists()
    assert nowhere.uid not in OptInRequest.objects.values_list("subject_uid", flat=True)


def test_many_are_a_job_that_does_nothing_twice(planner, monkeypatch):
    monkeypatch.setattr(subscribing, "AT_ONCE", 2)
    monkeypatch.setattr(subscribing, "CHUNK", 2)
    monkeypatch.setattr(subscribing, "CHUNKS_A_STEP", 1)
    people = [member() for _one in range(5)]
    run = start(TopicFactory(), actor=planner)
    job = Job.objects.get()
    assert run.finished_at is None and job.total_count == 5

    for _step in range(10):
        run_job(job.pk)

    job.refresh_from_db()
    run.refresh_from_db()
    assert (job.state, job.done_count, run.counts) == ("done", 5, {"granted": 5})
    assert sorted(ConsentEvent.objects.values_list("subject_uid", flat=True)) == sorted(p.uid for p in people)
    subscribing.finish(run=run)
    assert subscribing.work_off(run=run) == 0


def test_organizations_too():
    organization, topic = OrganizationFactory(), TopicFactory()
    run = start(topic, rows=Organization.objects.all())
    assert run.counts == {"granted": 1}
    assert is_permitted(subject_uid=organization.uid, topic=topic)


# --- screens ----------------------------------------------------------------------------------------------------------
def test_from_the_list_of_people_to_the_result(planner, sign_in):
    topic, ada, bob = TopicFactory(name="News"), member(), member()
    services.withdraw_consent(subject=bob, topic=topic, source="call")
    client, url = sign_in(planner), reverse("subscribe") + "?kind=people"
    picked = {"pick": [str(ada.uid), str(bob.uid)]}

    asked = client.post(url, picked)
    assert asked.status_code == 200 and "2 selected" in asked.content.decode()
    assert not ConsentEvent.objects.filter(action="grant").exists()
    answer = client.post(url, {**picked, **a_form(topic)}, follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200 and "only they can give it again" in page and bob.name in page
    only = client.get(answer.request["PATH_INFO"], {"outcome": "granted"}).content.decode()
    assert ada.name in only and bob.name not in only


def test_from_a_list_and_from_a_segment(planner, sign_in):
    ada, eve, topic = member(), member(), TopicFactory()
    chosen = ContactListFactory()
    add_to_list(contact_list=chosen, rows=Person.objects.filter(pk=ada.pk), actor=None)
    client = sign_in(planner)

    client.post(f"{reverse('subscribe')}?list={chosen.uid}", a_form(topic))
    assert is_permitted(subject_uid=ada.uid, topic=topic) and not is_permitted(subject_uid=eve.uid, topic=topic)

    tree = {"version": 1, "op": "all", "rules": [{"field": "constituency", "operator": "any_of", "value": ["IND"]}]}
    client.post(f"{reverse('subscribe')}?segment={SegmentFactory(tree=tree).uid}", a_form(topic))
    assert is_permitted(subject_uid=eve.uid, topic=topic)


def test_half_a_form_is_refused_and_keeps_the_selection(planner, sign_in):
    ada = member()
    url = reverse("subscribe") + "?kind=people"

    answer = sign_in(planner).post(url, {"pick": [str(ada.uid)], **a_form(TopicFactory(), lawful_basis="")})

    assert answer.status_code == 422
    assert str(ada.uid) in answer.content.decode() and not ConsentEvent.objects.exists()
    assert sign_in(planner).post(url, {}).status_code == 422
    assert sign_in(planner).get(f"{reverse('subscribe')}?list=nonsense").status_code == 422


def test_only_those_in_scope_and_only_by_those_who_may(outreach, sign_in):
    user, topic = UserFactory(), TopicFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    near, far = member(), member(country=CountryFactory(code="MW"))
    picked = {"pick": [str(near.uid), str(far.uid)], **a_form(topic)}
    url = reverse("subscribe") + "?kind=people"

    assert sign_in(outreach).post(url, picked).status_code == 403
    sign_in(user).post(url, picked)

    assert is_permitted(subject_uid=near.uid, topic=topic) and not is_permitted(subject_uid=far.uid, topic=topic)


def test_one_permission_never_reverses_a_withdrawal(outreach, sign_in):
    ada, topic = member(), TopicFactory()
    services.withdraw_consent(subject=ada, topic=topic, source="call")
    form = {"topic": str(topic.uid), "lawful_basis": "consent", "source": "Call", "evidence": "Told Ana"}

    answer = sign_in(outreach).post(reverse("consent_grant", args=["person", ada.uid]), form)

    assert answer.status_code == 422 and "only they can allow it again" in answer.content.decode()
    assert not is_permitted(subject_uid=ada.uid, topic=topic)


@pytest.mark.parametrize("number", [1, 3])
def test_the_result_asks_the_database_the_same_number_of_times(number, planner, sign_in, django_assert_max_num_queries):
    for _one in range(number):
        member()
    run = start(TopicFactory(), actor=planner)
    client, url = sign_in(planner), reverse("subscription_detail", args=[run.uid])
    client.get(url)

    with django_assert_max_num_queries(12):
        client.get(url)
