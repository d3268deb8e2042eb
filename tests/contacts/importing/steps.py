"""The steps of an import, without a worker."""

import csv
import io

from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.importing import services
from contacts.importing.staging import stage
from crm.accounts.rules import Action


class Progress:
    """Stands where a job's run does: takes what is told, and stops when told to."""

    def __init__(self) -> None:
        self.state: dict = {}
        self.done = 0

    def save_state(self, **values) -> None:
        self.state.update(values)

    def advance(self, count: int = 1) -> None:
        self.done += count


def csv_file(rows, *, name="people.csv", encoding="utf-8", delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return SimpleUploadedFile(name, out.getvalue().encode(encoding))


def dry_run(run, actor):
    services.start_check(run=run, actor=actor)
    run.refresh_from_db()
    services.drop_staged(run)
    progress = Progress()
    while not stage(run=run, job=progress):
        continue  # a worker would begin another task
    return services.finish_check(run=run, scope=actor.scope(Action.BULK).countries)


def apply(run, actor, **permission):
    services.start_apply(run=run, actor=actor, first_permission=permission or None)
    run.refresh_from_db()
    return services.apply_import(run=run, actor=actor)


def outcomes(run):
    return list(run.rows.order_by("line").values_list("line", "outcome"))
