"""Permissions, topics and suppressions over the API."""

from datetime import timedelta

from django.utils import timezone

from contacts.consent.models import ConsentEvent, Suppression, Topic
from crm.audit.models import AuditEntry
from tests.factories import OrganizationFactory, PersonFactory, TopicFactory


def test_permission_is_given_and_withdrawn_in_the_ledger(api, planner) -> None:  # type: ignore[no-untyped-def]
    person, topic, client = PersonFactory(), TopicFactory(), api(planner)
    path = f"/people/{person.uid}"
    said = {"topic": str(topic.uid), "source": "Forum"}

    given = client.post(
        f"{path}/consent-events", {**said, "action": "grant", "lawful_basis": "consent", "evidence": "Sheet 4"}
    )
    granted = client.get(f"{path}/permissions").json()["data"]
    client.post(f"{path}/consent-events", {**said, "action": "withdraw"})
    again = client.post(f"{path}/consent-events", {**said, "action": "withdraw"}, status=200)

    assert given.json()["evidence"] == "Sheet 4"
    assert [(row["topic_code"], row["is_granted"]) for row in granted] == [(topic.code, True)]
    assert again.json()["data"][0]["is_granted"] is False
    ledger = client.get(f"{path}/consent-events").json()["data"]
    assert [row["action"] for row in ledger] == ["withdraw", "grant"]
    assert AuditEntry.objects.get(verb="consent.granted").door == "token"


def test_permission_without_a_basis_or_from_the_future_is_refused(api, planner) -> None:  # type: ignore[no-untyped-def]
    row, topic, client = OrganizationFactory(), TopicFactory(), api(planner)
    said = {"topic": str(topic.uid), "source": "Forum", "action": "grant"}
    path = f"/organizations/{row.uid}/consent-events"

    assert client.post(path, said, status=422).json()["code"] == "basis_missing"
    late = {**said, "lawful_basis": "consent", "at": (timezone.now() + timedelta(days=1)).isoformat()}
    assert client.post(path, late, status=422).json()["code"] == "future_date"
    assert client.post(path, {**said, "topic": str(row.uid)}, status=422).json()["fields"]["topic"]
    assert not ConsentEvent.objects.exists()


def test_topics_are_an_administrators(api, admin, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(admin)
    made = client.post("/topics", {"code": "news", "name": "News", "names": {"fr": "Actualités"}}).json()

    assert client.patch(f"/topics/{made['uid']}", {"name": "All news"}).json()["name"] == "All news"
    assert client.post(f"/topics/{made['uid']}/archive", status=200).json()["archived_at"]
    assert client.post(f"/topics/{made['uid']}/restore", status=200).json()["archived_at"] is None
    assert client.post("/topics", {"code": "news", "name": "Again"}, status=422).json()["fields"]["code"]
    api(planner).post("/topics", {"code": "x", "name": "x"}, status=403)
    assert Topic.objects.count() == 1


def test_address_is_suppressed_once_and_never_repeated(api, admin) -> None:  # type: ignore[no-untyped-def]
    client = api(admin)
    body = {"address": "Amina@People.test", "source": "a call"}

    first = client.post("/suppressions", body)
    client.post("/suppressions", {**body, "reason": "invalid"})
    found = client.post("/suppressions/check", {"address": "amina@people.test"}, status=200).json()

    assert "amina" not in first.content.decode().lower()
    assert (found["is_suppressed"], found["reason"]) == (True, "manual")
    assert Suppression.objects.count() == 1
    assert client.post("/suppressions/check", {"address": "b@people.test"}, status=200).json()["is_suppressed"] is False
    client.post("/suppressions", {"address": "none", "source": "x"}, status=422)
