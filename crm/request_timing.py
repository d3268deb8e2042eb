"""Time requests of the test client, for benches of pages and of the API."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.heap import prepare_for_requests

ROUNDS = 25


def make_ready() -> None:
    """As a server is some minutes after any load: tables vacuumed, which would else happen in the middle of measuring, and what
    the first requests would wait for loaded (crm/wsgi.py)."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    prepare_for_requests()


def measure(client: Client, urls: list[str], *, rounds: int = ROUNDS) -> tuple[list[float], list[float], int]:
    """Milliseconds of each request by the clock and of this process alone, and the most queries that one took."""
    queries = 0
    for url in urls:  # warm, and counted
        with CaptureQueriesContext(connection) as captured:
            get(client, url)
        queries = max(queries, len(captured))
    times, busy = [], []
    for number in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        get(client, urls[number % len(urls)])
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - worked) * 1000)
    return times, busy, queries


def get(client: Client, url: str) -> Any:
    response = client.get(url)
    if response.status_code != 200:
        raise RuntimeError(f"{url} answered {response.status_code}")
    return response
