"""What every endpoint keeps: problems, pages, keys, ETags."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.directory.models import Person
from crm.api.models import KeptAnswer
from crm.api.once import LEASE
from crm.api.services import ANSWERS_KEPT, forget_answers
from tests.crm.api.client import Api
from tests.factories import (
    ApiTokenFactory,
    ContactPointFactory,
    GrantFactory,
    MembershipFactory,
    PersonFactory,
    UserFactory,
)


# --- problems -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v1", "/api/v1/nothing", "/api/v1/people/", "/api/v1/people/not-a-uid"]
)
def test_unknown_address_is_a_problem_not_a_page(db: None, path: str) -> None:
    response = Client().get(path)

    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"


def test_method_that_is_not_offered_says_which_are(api, planner) -> None:  # type: ignore[no-untyped-def]
    response = api(planner)("DELETE", "/people", status=405)

    assert response.json()["code"] == "method_not_allowed"
    assert "GET" in response.headers["Allow"]


def test_other_content_is_refused(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    response = client.client.post("/api/v1/people", data="name=x", content_type="application/x-www-form-urlencoded")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert client("GET", "/people", Accept="text/html").status_code == 406


@pytest.mark.parametrize(
    "text", ["{", '{"name": "\\u0000"}', '{"name": "\\ud800"}', '{"a":' * 60 + "1" + "}" * 60, "NaN"]
)
def test_json_that_the_database_cannot_keep_is_refused(api, planner, text: str) -> None:  # type: ignore[no-untyped-def]
    response = api(planner).client.post("/api/v1/people", data=text, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "bad_json")


def test_wrong_values_are_told_field_by_field_and_nothing_is_kept(api, planner) -> None:  # type: ignore[no-untyped-def]
    problem = (
        api(planner)
        .post("/people", {"name": "x", "country": "XX", "gender": "?", "tags": ["a", {}]}, status=422)
        .json()
    )

    assert set(problem["fields"]) == {"country", "gender", "tags.1"}
    assert not Person.objects.exists()


def test_field_that_is_not_known_is_refused(api, planner) -> None:  # type: ignore[no-untyped-def]
    problem = api(planner).post("/people", {"name": "x", "emial": "a@b.example"}, status=422).json()

    assert (problem["code"], set(problem["fields"])) == ("unknown_field", {"emial"})


def test_crash_is_a_problem_and_nothing_is_kept(api, planner, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("contacts.directory.services.set_tags", crash)

    response = api(planner).post("/people", {"name": "x", "tags": ["a"]}, status=500)

    assert response.json()["code"] == "server_error"
    assert response.json()["request_id"]
    assert "a bug" not in response.content.decode()
    assert not Person.objects.exists()


def test_bad_host_is_a_problem_too(db: None) -> None:
    response = Client().get("/api/v1/me", headers={"Host": "elsewhere.example"})

    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/problem+json")


# --- pages --------------------------------------------------------------------------------------------------------
def people(count: int) -> list[Person]:
    return [PersonFactory(given_name="", family_name=f"P{number:02}") for number in range(count)]


def test_pages_give_every_row_once_in_order(api, planner) -> None:  # type: ignore[no-untyped-def]
    wanted = [str(person.uid) for person in people(7)]
    client, url, found = api(planner), "/people?limit=3", []

    while url:
        response = client.get(url)
        body = response.json()
        assert ("Link" in response.headers) == bool(body["next"])
        found += [row["uid"] for row in body["data"]]
        url = body["next"]

    assert found == wanted
    assert client.get("/people?limit=3&sort=-name").json()["data"][0]["uid"] == wanted[-1]


@pytest.mark.parametrize(
    "change",
    ["&q=p", "&sort=-name", "x"],
)
def test_cursor_of_another_list_is_refused(api, planner, change: str) -> None:  # type: ignore[no-untyped-def]
    people(3)
    client = api(planner)
    cursor = client.get("/people?limit=1").json()["next_cursor"]

    assert client.get(f"/people?limit=1&after={cursor}{change}", status=400).json()["fields"].keys() == {"after"}
    assert client.get(f"/organizations?after={cursor}", status=400).json()["code"] == "bad_parameter"
    assert client.get(f"/people?limit=2&after={cursor}").json()["data"]  # another size is the same list


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "sort=note", "count=all", "nonsense=1", "country=XYZ", "after=a.b.c",
     "updated_since=2026-01-01", "updated_since=now", "q=", "segment=x", "archived=maybe", "filter={", "external_id=erp"],
)  # fmt: skip
def test_parameter_that_cannot_be_used_is_named(api, planner, query: str) -> None:  # type: ignore[no-untyped-def]
    problem = api(planner).get(f"/people?{query}", status=400).json()

    assert list(problem["fields"]) == [query.partition("=")[0]]


def test_count_only_when_asked(api, planner) -> None:  # type: ignore[no-untyped-def]
    people(3)
    client = api(planner)

    assert "count" not in client.get("/people").json()
    body = client.get("/people?limit=1&count=exact").json()
    assert (body["count"], body["count_is_estimate"]) == (3, False)
    assert client.get("/people?limit=1&count=estimate").json()["count"] == 3


def test_page_of_people_costs_the_same_for_one_and_three(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    def person() -> None:
        made = PersonFactory()
        ContactPointFactory(person=made)
        MembershipFactory(person=made)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/people")
        return len(captured)

    person()
    client.get("/people")
    one = count()
    person()
    person()
    assert count() == one <= 8


# --- ETags --------------------------------------------------------------------------------------------------------
def test_etag_spares_a_body_and_an_overwrite(api, planner) -> None:  # type: ignore[no-untyped-def]
    person = PersonFactory(language="en")
    client, path = api(planner), f"/people/{person.uid}"
    etag = client.get(path).headers["ETag"]

    unchanged = client.get(path, status=304, If_None_Match=etag)
    changed = client.patch(path, {"tags": ["speaker"]}, If_Match=etag)
    refused = client.patch(path, {"language": "fr"}, If_Match=etag, status=412)

    assert (unchanged.content, unchanged.headers["ETag"]) == (b"", etag)
    assert changed.headers["ETag"] != etag
    assert changed.headers["ETag"] == client.get(path).headers["ETag"] == refused.headers["ETag"]
    person.refresh_from_db()
    assert person.language == "en"
    client.delete(path, status=412, If_Match=etag)
    client.delete(path, If_Match=changed.headers["ETag"])


# --- keys ---------------------------------------------------------------------------------------------------------
def test_same_key_gives_the_first_answer_and_does_nothing_twice(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    first = client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")
    again = client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")

    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Person.objects.count() == 1
    assert (
        client.post("/people", {"name": "Other"}, Idempotency_Key="k1", status=422).json()["code"]
        == "idempotency_key_reused"
    )
    client.post("/organizations", {"name": "Amina"}, Idempotency_Key="k1", status=422)
    api(planner).post("/people", {"name": "Amina"}, Idempotency_Key="k1")  # another token's keys are its own
    assert Person.objects.count() == 2


def test_refused_request_is_not_remembered(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    client.post("/people", {"name": ""}, Idempotency_Key="k1", status=422)
    client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")

    assert Person.objects.count() == 1


@pytest.mark.parametrize("key", ["a b", "x" * 256, "é"])
def test_key_that_is_none_is_refused(api, planner, key: str) -> None:  # type: ignore[no-untyped-def]
    assert (
        api(planner).post("/people", {"name": "x"}, Idempotency_Key=key, status=400).json()["code"]
        == "bad_idempotency_key"
    )


def test_key_at_work_answers_409_and_a_dead_one_is_taken_over(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")
    KeptAnswer.objects.update(status=None, body="")

    busy = client.post("/people", {"name": "Amina"}, Idempotency_Key="k1", status=409)
    KeptAnswer.objects.update(claimed_at=timezone.now() - LEASE * 2)
    client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")

    assert busy.json()["code"] == "idempotency_in_progress"
    assert Person.objects.count() == 2


def test_answers_are_forgotten_after_a_day(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    client.post("/people", {"name": "Amina"}, Idempotency_Key="k1")
    client.post("/people", {"name": "Binta"}, Idempotency_Key="k2")
    KeptAnswer.objects.filter(key="k1").update(claimed_at=timezone.now() - ANSWERS_KEPT * 2)

    assert forget_answers() == 1
    assert [row.key for row in KeptAnswer.objects.all()] == ["k2"]


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_with_one_key_write_once() -> None:
    user = UserFactory()
    GrantFactory(user=user, role="planner")
    token = ApiTokenFactory(user=user)
    gate, statuses = threading.Barrier(2), []

    def ask() -> None:
        try:
            gate.wait()
            statuses.append(Api(token)("POST", "/people", {"name": "Amina"}, Idempotency_Key="k1").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Person.objects.count() == 1
    assert sorted(statuses) in ([201, 201], [201, 409])
