"""`manage.py bench signup`: 500 sign-ups a second are offered for twenty seconds, while others read the page.

The web process is the one that the product runs. The load is open: each second offers as many, whether or not the ones before
were answered. Each sign-up must get an answer, *accepted* or *try later*; those accepted must stand in the database, each once,
though every tenth is sent twice at the same moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection

from campaigns.forms.checking import Offers
from campaigns.forms.engine import questions_of
from campaigns.forms.links import PAGE
from campaigns.forms.models import Form, Submission
from campaigns.forms.results import outcomes
from campaigns.planning.models import Campaign
from crm.bench import Bar, Result
from crm.keyring import seal

PER_SECOND = 500
PAGES_PER_SECOND = 10
PAGE_MS = 100
TWICE = 10  # every so many-th sign-up is sent twice
PATIENCE = 60  # seconds that one answer may take
QUESTIONS = [
    {"key": "name", "kind": "text", "labels": {"en": "Your name"}, "is_required": True, "tells": "name"},
    {"key": "email", "kind": "email", "labels": {"en": "Your e-mail"}, "is_required": True, "tells": "email"},
    {"key": "need", "kind": "choice", "labels": {"en": "What do you need?"},
     "options": [{"value": "money", "labels": {"en": "Money"}}, {"value": "people", "labels": {"en": "People"}}]},
    {"key": "why", "kind": "long", "labels": {"en": "What for?"}, "shown_if": {"rules": [{"key": "need", "is": "is", "value": "money"}]}},
]  # fmt: skip


def run(size: int) -> Result:
    """`size` sign-ups."""
    form = Form.objects.create(
        campaign=Campaign.objects.create(name="Bench"), name="Bench", slug="bench", is_public=True,
        headlines={"en": "What do you need?"}, questions=QUESTIONS,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder, _server(Path(folder)) as port:
        told = asyncio.run(_rush(port, form.pk, size))
        times = [float(line) for line in (Path(folder) / "pages").read_text().split()]
    kept = Submission.objects.filter(form=form).count()
    results = _results(form)
    answers = Counter(told["answers"].values())
    accepted = sum(1 for codes in told["by_receipt"].values() if 200 in codes)
    unanswered = sum(n for code, n in answers.items() if code not in (200, 503))
    times.sort()
    p95 = times[int(len(times) * 0.95)] * 1000 if times else 0.0
    return Result(
        figures={
            "offered": size,
            "offered_per_second": round(size / told["seconds"]) if told["seconds"] else 0,
            "sent_twice": size // TWICE,
            "accepted": accepted,
            "try_later": len(told["by_receipt"]) - accepted,
            "accepted_per_second": round(accepted / told["seconds"]),
            "in_database": kept,
            "pages": len(times),
            "page_p95_ms_in_server": round(p95, 1),
            "page_p95_ms_at_client": round(_share(told["pages"], 0.95) * 1000, 1),
            **results,
            "answer_p95_ms_at_client": round(_share(told["took"], 0.95) * 1000, 1),
        },
        bars=[
            Bar("sign-ups without an answer", unanswered, 0),
            Bar("accepted, and lost or doubled", abs(accepted - kept), 0),
            Bar("page p95 ms in the server", p95, PAGE_MS),
        ],
    )


MANY = 10_000
_MORE = """
INSERT INTO campaigns_submission (uid, created_at, updated_at, form_id, state, receipt, answers, language, source, name, email, phone,
                                  organization_name, doubts)
SELECT gen_random_uuid(), now() - n * interval '1 minute', now(), %s, 'kept', decode(lpad(to_hex(n), 32, '0'), 'hex'),
       jsonb_build_object('name', 'Visitor ' || n, 'email', n || '@bench.test', 'need', (ARRAY['money', 'people'])[1 + n %% 2]),
       'en', '', 'Visitor ' || n, '', '', '', '[]'
  FROM generate_series(1, %s) n"""


def _results(form: Form) -> dict[str, float]:
    """Milliseconds for the results of ten thousand answers, and for a page of them far down the list."""
    with connection.cursor() as cursor:
        cursor.execute(_MORE, [form.pk, MANY])
        cursor.execute("VACUUM (ANALYZE) campaigns_submission")
    rows, questions = Submission.objects.counted().filter(form=form), questions_of(form)
    began = time.perf_counter()
    outcomes(questions, rows, Offers(), "en")
    middle = time.perf_counter()
    last = rows.order_by("-created_at", "-id")[MANY // 2]
    page = rows.filter(created_at__lte=last.created_at).order_by("-created_at", "-id")
    turned = time.perf_counter()
    list(page[:50])
    return {
        "results_of_10000_ms": round((middle - began) * 1000, 1),
        "page_of_answers_ms": round((time.perf_counter() - turned) * 1000, 1),
    }


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else 0.0


# --- the server -------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _server(folder: Path) -> Iterator[int]:
    """The product's web process, with a clock around it. It believes a header about addresses, as behind a proxy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (folder / "pages").touch()
    more = {"BENCH_PAGES": str(folder / "pages"), "TRUST_PROXY": "true", "TRUSTED_HOPS": "1", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(  # noqa: S603 our own server
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws",
         "--blocking-threads", "4", "--no-access-log", "--log-level", "error", "campaigns.forms.timed:application"],
        cwd=settings.BASE_DIR, env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"),
    )  # fmt: skip
    try:
        _wait_for(port, process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _turn in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"The server did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.1)
    raise RuntimeError("The server did not answer in a minute.")


# --- the load ---------------------------------------------------------------------------------------------------------
async def _rush(port: int, form_id: int, size: int) -> dict[str, Any]:
    bodies = [_body(form_id, number) for number in range(size)]
    told: dict[str, Any] = {"answers": {}, "by_receipt": {}, "took": [], "pages": []}
    for _turn in range(5):  # the first pages load what the others find
        await _page(port, [])
    began, tasks = time.perf_counter(), []
    for number, body in enumerate(bodies):
        wait = began + number / PER_SECOND - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        for copy in range(2 if number % TWICE == 0 else 1):
            tasks.append(asyncio.create_task(_sign_up(port, number, copy, body, told)))
        if number % (PER_SECOND // PAGES_PER_SECOND) == 0:
            tasks.append(asyncio.create_task(_page(port, told["pages"])))
    told["seconds"] = time.perf_counter() - began
    await asyncio.gather(*tasks)
    return told


def _body(form_id: int, number: int) -> bytes:
    receipt = struct.pack(">QQ", 7, number)
    token = seal(PAGE, struct.pack(">QQ", form_id, int(time.time()) - 10) + receipt)
    said = {
        "q-name": f"Visitor {number}",
        "q-email": f"visitor{number}@bench.test",
        "q-need": "people",
        "t": token,
        "website": "",
    }
    return urlencode(said).encode()


async def _sign_up(port: int, number: int, copy: int, body: bytes, told: dict[str, Any]) -> None:
    head = (
        f"POST /answer/bench/ HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nX-Forwarded-For: {_address(number)}\r\nConnection: close\r\n\r\n"
    )
    began = time.perf_counter()
    code = await _exchange(port, head.encode() + body)
    told["took"].append(time.perf_counter() - began)
    told["answers"][number, copy] = code
    told["by_receipt"].setdefault(number, []).append(code)


async def _page(port: int, took: list[float]) -> None:
    began = time.perf_counter()
    head = f"GET /answer/bench/ HTTP/1.1\r\nHost: localhost:{port}\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"
    if await _exchange(port, head.encode()) == 200:
        took.append(time.perf_counter() - began)


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def _exchange(port: int, request: bytes) -> int:
    """The status of the answer; 0 when there was none."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            await writer.drain()
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return 0
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found[1]) if found else 0
