"""`manage.py bench import`: a file from upload to applied, by the same jobs that a worker runs, against raw COPY of its cells.

A fifth of the file is imported first: it gives the directory people and institutions to match, and the peak of memory that the whole
file must not exceed.
"""

from __future__ import annotations

import csv
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection
from django.test.utils import override_settings

from contacts.consent.models import Topic
from contacts.importing import services
from contacts.importing.models import ImportRun
from crm.accounts.models import Grant, User
from crm.bench import Bar, Result
from crm.jobs import services as jobs
from crm.jobs.models import Job

LEAST_ROWS_PER_SECOND = 8_000
MOST_MEMORY = 1.1  # peak of the whole file over the peak of a fifth of it
HEADER = [
    "Given name",
    "Family name",
    "E-mail",
    "Phone",
    "Organization",
    "Country",
    "Constituency",
    "Post",
    "Language",
    "Tags",
]
GIVEN = ["Amina", "Jean", "Fatou", "María", "Chidi", "Thandiwe", "Zoë", "Rajesh", "Olga", "Kofi", "Ngozi", "Sofía"]
FAMILY = ["Ndiaye", "Okafor", "Banda", "García", "Traoré", "Sharma", "Nguyen", "Dubois", "Ouédraogo", "Mensah", "Keïta"]
COUNTRIES = ["ZM", "MW", "SN", "KE", "Ghana", "Togo", "Mali", "NP", "Perú", "Côte d'Ivoire"]


def run(size: int) -> Result:
    with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder), _no_wake_ups():
        actor = _planner()
        topic = Topic.objects.create(code="bench", name="Bench")
        first = _write(Path(folder) / "first.csv", range(0, size, 5))
        _import(first, actor, topic)
        small = _peak_mb()
        whole = _write(Path(folder) / "whole.csv", range(size))
        figures = _import(whole, actor, topic)
        plain = _raw_copy(whole)
    took = figures["seconds"]
    figures |= {
        "rows_per_second": round(size / took),
        "raw_copy_seconds": round(plain, 3),
        "times_raw_copy": round(took / plain, 1),
        "peak_mb_of_a_fifth": round(small),
        "peak_mb": round(_peak_mb()),
    }
    return Result(
        figures=figures,
        bars=[
            Bar("rows a second, upload to applied", size / took, LEAST_ROWS_PER_SECOND, at_least=True),
            Bar("peak memory / that of a fifth of the file", _peak_mb() / small, MOST_MEMORY),
        ],
    )


def _planner() -> User:
    actor = User.objects.create_user(email="bench@example.org", name="Bench")
    Grant.objects.create(user=actor, role="planner", is_everywhere=True)
    return actor


def _rows(numbers: range) -> Iterator[list[str]]:
    for n in numbers:
        given, family = GIVEN[n % 12], f"{FAMILY[n % 11]} {FAMILY[n // 11 % 11]}"
        place = n // 20
        yield [given, family, f"Person.{n}@Mail{n % 500}.example.org", f"+260 21 {n:07}", f"Alliance № {place} for Décent Work",
               COUNTRIES[place % 10], "CSO", ("President", "Secretary", "Adviser")[n % 3], ("en", "fr", "Español")[n % 3],
               "volunteers; spring" if n % 4 == 0 else ""]  # fmt: skip


def _write(path: Path, numbers: range) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_rows(numbers))
    return path


def _import(path: Path, actor: User, topic: Topic) -> dict[str, Any]:
    """Upload, set the columns, dry run, apply with a first permission; the seconds of each and the CPU of this process."""
    marks = [(time.perf_counter(), time.process_time())]

    def mark() -> float:
        marks.append((time.perf_counter(), time.process_time()))
        return marks[-1][0] - marks[-2][0]

    with path.open("rb") as file:
        upload = TemporaryUploadedFile(path.name, "text/csv", path.stat().st_size, None)
        for block in iter(lambda: file.read(1 << 20), b""):
            upload.write(block)
        upload.seek(0)
        marks[0] = (time.perf_counter(), time.process_time())
        run = services.upload_import(file=upload, actor=actor)
        upload.close()  # as a request does at its end: the file was moved, which its own last breath would complain of
    seconds = {"upload": mark()}
    chosen = {int(index): target for index, target in run.mapping.items()}
    run = services.save_mapping(run=run, mapping=chosen, options={})
    steps = {"check": _work(services.start_check(run=run, actor=actor), seconds, "check")}
    mark()
    run = ImportRun.objects.get(pk=run.pk)
    permission = {"topic": topic, "lawful_basis": "consent", "source": "Bench", "evidence": "None"}
    steps["apply"] = _work(services.start_apply(run=run, actor=actor, first_permission=permission), seconds, "apply")
    mark()
    run = ImportRun.objects.get(pk=run.pk)
    assert run.state == ImportRun.State.APPLIED and not run.counts["rejected"], run.error  # noqa: S101 else nothing was measured
    return {
        "rows": run.options["rows"],
        "seconds": round(marks[-1][0] - marks[0][0], 3),
        "python_cpu_seconds": round(marks[-1][1] - marks[0][1], 3),
        "seconds_of": {name: round(value, 3) for name, value in seconds.items()},
        "longest_task_seconds": round(max(max(times) for times in steps.values()), 3),
        "created": run.counts["created"],
        "matched": run.counts["updated"] + run.counts["unchanged"],
    }


def _work(job: Job, seconds: dict[str, float], name: str) -> list[float]:
    """The job's tasks, one after the other as a worker would; how long each took."""
    times = []
    while Job.objects.get(pk=job.pk).is_open:
        began = time.perf_counter()
        jobs.run_job(job.pk)
        times.append(time.perf_counter() - began)
    seconds[name] = sum(times)
    return times


def _raw_copy(path: Path) -> float:
    """The same cells by one COPY into a table of text columns without an index: the least that a database can do for it."""
    columns = ", ".join(f"c{number} text" for number in range(len(HEADER)))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_raw ({columns})")
        began = time.perf_counter()
        with path.open("rb") as file, cursor.copy("COPY bench_raw FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            while block := file.read(1 << 16):
                copy.write(block)
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE bench_raw")
    return took


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _no_wake_ups() -> Iterator[None]:
    """The bench is the worker: nothing is announced, so that no worker of this machine hears of jobs that its database has not."""
    real: Any = jobs._wake
    jobs._wake = lambda job_id: None
    try:
        yield
    finally:
        jobs._wake = real
