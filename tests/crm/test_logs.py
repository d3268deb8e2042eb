"""One request id, from the browser through the page into the task that it started."""

import time

import pytest
import structlog
from celery.contrib.testing.worker import start_worker
from django.test import Client

from crm.celery import app

SEEN: list[dict[str, object]] = []


@app.task(name="tests.log_context")
def log_context() -> None:
    SEEN.append(dict(structlog.contextvars.get_contextvars()))


@pytest.mark.django_db(transaction=True)
def test_request_id_follows_into_the_task() -> None:
    SEEN.clear()
    queue = "tests-logs"
    with start_worker(app, queues=[queue], perform_ping_check=False, pool="solo", loglevel="ERROR"):
        with structlog.contextvars.bound_contextvars(request_id="from-the-browser"):
            log_context.apply_async(queue=queue)
        deadline = time.monotonic() + 20
        while not SEEN and time.monotonic() < deadline:
            time.sleep(0.05)

    assert [context.get("request_id") for context in SEEN] == ["from-the-browser"]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_only_a_trusted_proxy_chooses_the_request_id(
    db: None,
    caplog: pytest.LogCaptureFixture,
    settings,  # type: ignore[no-untyped-def]
    is_trusted: bool,
) -> None:
    settings.DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = is_trusted

    with caplog.at_level("INFO", logger="django_structlog.middlewares.request"):
        Client().get("/healthz", headers={"X-Request-ID": "abc-123"})

    assert len(caplog.records) == 2
    assert {"abc-123" in str(record.msg) for record in caplog.records} == {is_trusted}
