import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from contacts.consent import services
from contacts.consent.models import ConsentEvent, Suppression, Topic
from contacts.consent.queries import is_permitted, suppression_of
from crm.audit.models import AuditEntry
from tests.factories import (
    ContactPointFactory,
    CountryFactory,
    GrantFactory,
    OrganizationFactory,
    PersonFactory,
    TopicFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


def of(subject, name):
    kind = "organization" if subject._meta.model_name == "organization" else "person"
    return reverse(name, args=[kind, subject.uid])


def a_grant(topic, **values):
    return {"topic": str(topic.uid), "lawful_basis": "consent", "source": "Call", "evidence": "Told Ana", **values}


# --- one subject ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("factory", [PersonFactory, OrganizationFactory])
def test_staff_record_a_permission_with_basis_and_evidence(outreach, sign_in, factory):
    subject, topic = factory(), TopicFactory(name="News")

    answer = sign_in(outreach).post(of(subject, "consent_grant"), a_grant(topic, given_on="2026-03-01"))

    assert answer.status_code == 302
    assert is_permitted(subject_uid=subject.uid, topic=topic)
    event = ConsentEvent.objects.get()
    assert (event.evidence, event.actor_uid, timezone.localdate(event.at)) == (
        "Told Ana",
        outreach.uid,
        dt.date(2026, 3, 1),
    )
    assert AuditEntry.objects.get(verb="consent.granted").actor == outreach


@pytest.mark.parametrize("missing", ["topic", "lawful_basis", "source", "evidence"])
def test_half_a_permission_is_refused_by_the_form(outreach, sign_in, missing):
    ada, topic = PersonFactory(), TopicFactory()

    answer = sign_in(outreach).post(of(ada, "consent_grant"), {**a_grant(topic), missing: ""})

    assert answer.status_code == 422
    assert not ConsentEvent.objects.exists()


def test_a_permission_from_tomorrow_is_refused(outreach, sign_in):
    ada, topic = PersonFactory(), TopicFactory()
    tomorrow = timezone.localdate() + dt.timedelta(days=1)

    answer = sign_in(outreach).post(of(ada, "consent_grant"), a_grant(topic, given_on=tomorrow.isoformat()))

    assert answer.status_code == 422 and "future" in text(answer)


def test_staff_record_a_withdrawal(outreach, sign_in):
    ada, topic = PersonFactory(), TopicFactory()
    services.grant_consent(subject=ada, topic=topic, lawful_basis="consent", source="form")

    sign_in(outreach).post(of(ada, "consent_withdraw"), {"topic": str(topic.uid), "source": "Call", "evidence": ""})

    assert not is_permitted(subject_uid=ada.uid, topic=topic)


def test_a_viewer_reads_the_ledger_and_changes_nothing(viewer, sign_in):
    ada, topic = PersonFactory(), TopicFactory(name="News")
    services.grant_consent(subject=ada, topic=topic, lawful_basis="consent", source="form", evidence="Sheet 4")
    client = sign_in(viewer)

    page = text(client.get(of(ada, "consent_ledger")))

    assert "News" in page and "Sheet 4" in page
    assert of(ada, "consent_grant") not in page
    assert client.post(of(ada, "consent_grant"), a_grant(topic)).status_code == 403


def test_somebody_out_of_scope_is_not_found(sign_in):
    user, far = UserFactory(), PersonFactory(country=CountryFactory(code="MW"))
    GrantFactory(user=user, role="outreach", is_everywhere=False, countries=["ZM"])

    assert sign_in(user).get(of(far, "consent_ledger")).status_code == 404
    assert sign_in(user).post(of(far, "consent_grant"), a_grant(TopicFactory())).status_code == 404
    assert sign_in(user).get(reverse("consent_ledger", args=["nobody", far.uid])).status_code == 404


def test_ledger_says_that_an_address_is_suppressed(outreach, sign_in):
    ada = PersonFactory()
    ContactPointFactory(person=ada, value="ada@example.org")
    assert "An address of theirs" not in text(sign_in(outreach).get(of(ada, "consent_ledger")))
    services.suppress_address(address="ada@example.org", reason="complaint", source="loop")

    page = text(sign_in(outreach).get(of(ada, "consent_ledger")))
    assert "An address of theirs is suppressed" in page and "Complained, " in page


def test_ledger_takes_the_same_number_of_queries_for_one_and_for_three(outreach, sign_in, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ada, client = PersonFactory(), sign_in(outreach)
    services.grant_consent(subject=ada, topic=TopicFactory(), lawful_basis="consent", source="form", actor=outreach)
    client.get(of(ada, "consent_ledger"))
    with CaptureQueriesContext(connection) as one:
        client.get(of(ada, "consent_ledger"))
    for _ in range(2):
        services.grant_consent(subject=ada, topic=TopicFactory(), lawful_basis="consent", source="form", actor=outreach)

    with django_assert_num_queries(len(one)):
        client.get(of(ada, "consent_ledger"))


def test_the_persons_page_leads_to_recording(outreach, sign_in):
    ada, topic = PersonFactory(), TopicFactory(name="News")

    page = text(sign_in(outreach).get(reverse("person_detail", args=[ada.uid])))

    assert f"{of(ada, 'consent_grant')}?topic={topic.uid}" in page
    assert of(ada, "consent_ledger") in page


# --- topics -----------------------------------------------------------------------------------------------------------
def a_topic(**values):
    return {"name": "Campaign news", "description": "Once a month", "code": "", "is_public": "on", "position": "5",
            "name_fr": "Nouvelles", "description_fr": "", "name_es": "", "description_es": "", "name_ar": "أخبار",
            "description_ar": "", **values}  # fmt: skip


def test_a_topic_is_made_and_changed_in_four_languages(admin, sign_in):
    client = sign_in(admin)
    client.post(reverse("topic_new"), a_topic())

    topic = Topic.objects.get()
    assert (topic.code, topic.names, topic.is_public, topic.position) == (
        "campaign-news", {"fr": "Nouvelles", "ar": "أخبار"}, True, 5,
    )  # fmt: skip
    assert "Campaign news" in text(client.get(reverse("topic_list")))

    client.post(reverse("topic_edit", args=[topic.uid]), a_topic(name_fr="Actualités", is_public=""))
    topic.refresh_from_db()
    assert (topic.names["fr"], topic.is_public, topic.code) == ("Actualités", False, "campaign-news")


def test_a_topic_with_a_taken_code_or_no_name_is_refused(admin, sign_in):
    TopicFactory(code="campaign-news")

    assert "Another topic has this code" in text(sign_in(admin).post(reverse("topic_new"), a_topic()))
    assert sign_in(admin).post(reverse("topic_new"), a_topic(name="")).status_code == 422
    assert "Latin letters" in text(sign_in(admin).post(reverse("topic_new"), a_topic(name="أخبار")))
    assert Topic.objects.count() == 1


def test_a_topic_is_archived_and_restored(admin, sign_in):
    topic, client = TopicFactory(name="News"), sign_in(admin)

    client.post(reverse("topic_archive", args=[topic.uid]))
    topic.refresh_from_db()
    assert topic.archived_at and client.get(reverse("topic_archive", args=[topic.uid])).status_code == 405

    client.post(reverse("topic_restore", args=[topic.uid]))
    topic.refresh_from_db()
    assert topic.archived_at is None


def test_topics_say_what_to_do_when_there_are_none(admin, sign_in):
    assert "Add the first topic" in text(sign_in(admin).get(reverse("topic_list")))


# --- suppressions -----------------------------------------------------------------------------------------------------
def test_an_address_is_looked_up_without_standing_in_a_url(admin, sign_in):
    services.suppress_address(address="ada@example.org", reason="complaint", source="feedback loop")
    client = sign_in(admin)

    found = text(client.post(reverse("suppression_list"), {"do": "look", "look-address": " ADA@example.org"}))
    other = text(client.post(reverse("suppression_list"), {"do": "look", "look-address": "eve@example.org"}))
    plain = text(client.get(reverse("suppression_list"), {"look-address": "ada@example.org"}))

    assert "This address is suppressed" in found and "feedback loop" in found
    assert "This address is not suppressed" in other
    assert "This address" not in plain and "1 address is never" in plain


def test_an_address_is_suppressed_by_hand(admin, sign_in):
    client = sign_in(admin)

    client.post(
        reverse("suppression_list"),
        {"do": "add", "add-address": "Ada@example.org", "add-reason": "manual", "add-source": "Letter"},
    )
    bad = client.post(
        reverse("suppression_list"),
        {"do": "add", "add-address": "no address", "add-reason": "manual", "add-source": "x"},
    )

    assert suppression_of("ada@example.org").source == "Letter"
    assert bad.status_code == 422 and "not an e-mail address" in text(bad)
    assert Suppression.objects.count() == 1
    assert AuditEntry.objects.get(verb="address.suppressed").actor == admin


def test_suppressions_and_topics_are_for_administrators(planner, sign_in):
    client = sign_in(planner)

    assert {client.get(reverse(name)).status_code for name in ("topic_list", "topic_new", "suppression_list")} == {403}


def test_whoever_may_ask_finds_all_questions_from_anybodys_permissions(planner, viewer, sign_in):
    person = PersonFactory()
    url = reverse("consent_ledger", args=["person", person.uid])

    assert reverse("opt_in_list") in sign_in(planner).get(url).content.decode()
    assert reverse("opt_in_list") not in sign_in(viewer).get(url).content.decode()
