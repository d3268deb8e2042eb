"""Jobs on screen: one's own, the fragment that asks for itself, and the stop button."""

import pytest

from crm.jobs.models import Job


@pytest.fixture
def job(planner):
    return Job.objects.create(
        kind="test", title="Importing ministries.csv", owner=planner, state="running", done_count=5
    )


def test_owner_sees_a_running_job_that_asks_for_itself(job, planner, sign_in):
    client = sign_in(planner)

    page = client.get(f"/jobs/{job.uid}/")
    fragment = client.get(f"/jobs/{job.uid}/", headers={"HX-Request": "true"})

    assert "Importing ministries.csv" in page.content.decode()
    assert "<html" not in fragment.content.decode()
    assert 'hx-trigger="every 1s"' in fragment.content.decode()


def test_finished_job_asks_no_more(job, planner, sign_in):
    from django.utils import timezone

    Job.objects.update(state="done", finished_at=timezone.now(), result_url="/directory/imports/")

    fragment = sign_in(planner).get(f"/jobs/{job.uid}/", headers={"HX-Request": "true"}).content.decode()

    assert "hx-trigger" not in fragment
    assert "/directory/imports/" in fragment


def test_others_do_not_see_it_and_cannot_stop_it(job, editor, sign_in):
    client = sign_in(editor)

    assert client.get(f"/jobs/{job.uid}/").status_code == 404
    assert client.post(f"/jobs/{job.uid}/cancel/").status_code == 404
    assert client.get("/jobs/").content.decode().count("ministries.csv") == 0
    job.refresh_from_db()
    assert not job.is_cancel_requested


def test_administrator_sees_everybodys(job, admin, sign_in):
    assert "ministries.csv" in sign_in(admin).get("/jobs/").content.decode()


def test_stop_works_without_javascript_and_by_post_only(job, planner, sign_in):
    client = sign_in(planner)

    assert client.get(f"/jobs/{job.uid}/cancel/").status_code == 405
    answer = client.post(f"/jobs/{job.uid}/cancel/")

    assert answer.headers["Location"] == f"/jobs/{job.uid}/"
    job.refresh_from_db()
    assert job.is_cancel_requested


def test_list_costs_the_same_for_one_and_three(planner, sign_in, django_assert_num_queries, job):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = sign_in(planner)
    client.get("/jobs/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get("/jobs/")
    for n in range(2):
        Job.objects.create(kind="test", title=f"Another {n}", owner=planner)

    with django_assert_num_queries(len(one)):
        client.get("/jobs/")
