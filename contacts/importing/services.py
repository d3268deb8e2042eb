"""An import's life: uploaded → mapped → checking → checked → applying → applied. Nothing changes before *applying*, and then all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.models import LawfulBasis, Topic
from contacts.importing import freshness, remembering
from contacts.importing.applying import (
    PLANNED_SUBJECTS,
    check_references,
    give_permissions,
    keep_made,
    write_history,
    write_rows,
)
from contacts.importing.models import ImportLine, ImportRow, ImportRun
from contacts.importing.planning import SETTINGS, execute, load_plan, make_plan
from contacts.importing.reading import BadFile, Format, almost_utf8, begins_at, check, detect, sample_rows
from contacts.importing.second import FIRST, SecondFailed, SecondWriter, is_worth_it, second_writer
from contacts.importing.second import settle as settle_second
from contacts.importing.targets import BY_NAME, SEVERAL_ALLOWED, Column, columns_of
from contacts.importing.unfolding import mentions, unfold
from contacts.importing.workbooks import is_workbook
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, Door
from crm.audit.services import record
from crm.errors import Conflict, Invalid, WrongState
from crm.ids import bulk_ids
from crm.jobs.models import Job
from crm.jobs.services import start_job
from crm.statistics import freshen

logger = logging.getLogger(__name__)
State = ImportRun.State
# what an import writes: it leaves fresh statistics of them behind
GROWN = [
    "contacts_organization",
    "contacts_post",
    "contacts_person",
    "contacts_membership",
    "contacts_contactpoint",
    "contacts_consentevent",
    "contacts_consentstate",
]
CHECK, APPLY, UNDO = "import.check", "import.apply", "import.undo"
# may start again from here: a check that was refused, or that failed, is repeated after the columns are set anew
OPEN_STATES = {State.UPLOADED, State.MAPPED, State.CHECKED, State.REFUSED, State.FAILED, State.CANCELLED}


def upload_import(*, file: UploadedFile, actor: User) -> ImportRun:
    """Take a file in and read all of it once. Raises BadFile, with the line, and keeps nothing then."""
    size = file.size or 0
    if size > settings.IMPORT_MAX_BYTES:
        raise BadFile(
            _("The file has %(size)d MB, and %(limit)d MB can be imported at once. Split it, and import the parts.")
            % {"size": -(-size // 1_000_000), "limit": settings.IMPORT_MAX_BYTES // 1_000_000}
        )
    run = ImportRun(owner=actor, file_name=(file.name or "file.csv")[:255], size_bytes=size)
    run.file.save(f"{run.uid}.csv", file, save=False)
    try:
        if is_workbook(Path(run.file.path)):
            _unfold(run)
        how = detect(Path(run.file.path))
        rows = check(Path(run.file.path), how)
        if rows > settings.IMPORT_MAX_ROWS:
            raise BadFile(
                _("The file has %(rows)d rows, and %(limit)d can be imported at once. Split it, and import the parts.")
                % {"rows": rows, "limit": settings.IMPORT_MAX_ROWS}
            )
        with transaction.atomic():
            _set_format(run, how, rows)
            run.save()
            record(verb="import.uploaded", target=run, actor=actor, summary=run.file_name)
    except BaseException:
        delete_files(run)
        raise
    return run


def _unfold(run: ImportRun) -> None:
    """A workbook: keep it beside, and let the sheet with the most rows be the file that is read."""
    path, book = Path(run.file.path), _book(run)
    path.rename(book)
    found = unfold(book, path)
    run.options = {**run.options, "sheets": found.sheets, "sheet": found.sheet}


def choose_sheet(*, run: ImportRun, sheet: str) -> ImportRun:
    """Read another sheet of the workbook, and propose its columns. Raises BadFile and changes nothing."""
    _must_be_open(run)
    if sheet not in run.options.get("sheets", []) or not _book(run).exists():
        raise BadFile(_("The workbook has no sheet called “%(sheet)s”.") % {"sheet": sheet[:60]})
    path = Path(run.file.path)
    fresh = path.with_suffix(".new")
    try:
        unfold(_book(run), fresh, sheet=sheet)
        how = detect(fresh)
        rows = check(fresh, how)
        with transaction.atomic():
            run = _open(run)
            fresh.replace(path)
            run.options = {**run.options, "sheet": sheet}
            _set_format(run, how, rows)
            run.state = State.UPLOADED
            run.save()
    finally:
        fresh.unlink(missing_ok=True)
    return run


def _book(run: ImportRun) -> Path:
    return Path(run.file.path).with_suffix(".book")


def _delete_book(run: ImportRun) -> None:
    if run.file:
        _book(run).unlink(missing_ok=True)


def delete_files(run: ImportRun) -> None:
    """The file as it is read, and the workbook that it came from while that is kept. The caller saves `file`."""
    _delete_book(run)
    run.file.delete(save=False)


def book_mentions(run: ImportRun, needles: Sequence[str]) -> bool:
    """Whether a sheet of the workbook that is kept beside, the chosen one or another, holds one of these texts."""
    return bool(run.file) and _book(run).exists() and mentions(_book(run), needles)


def reread(*, run: ImportRun, how: Format) -> ImportRun:
    """Read the file in another way (encoding, separator, header) and propose the columns anew. Raises BadFile and changes nothing."""
    _must_be_open(run)
    path = Path(run.file.path)
    how = replace(how, begins=begins_at(path, how))
    rows = check(path, how)
    with transaction.atomic():
        run = _open(run)
        _set_format(run, how, rows)
        run.state = State.UPLOADED
        run.save()
    return run


def columns_with_samples(run: ImportRun) -> list[Column]:
    """The file's columns as the mapping screen shows them."""
    rows = sample_rows(Path(run.file.path), run.format)
    header = rows[0].cells if run.has_header and rows else []
    return columns_of(header, [row.cells for row in rows[run.has_header :]], has_header=run.has_header)


def save_mapping(
    *,
    run: ImportRun,
    mapping: Mapping[int, str],
    options: Mapping[str, Any],
    actor: User | None = None,
    is_shared: bool = False,
) -> ImportRun:
    """Say what each column means. Raises Invalid when two columns mean the same, or none names anybody.

    With an actor it is remembered for the next file with this header, and with is_shared for everybody's.
    """
    chosen = {index: target for index, target in mapping.items() if target}
    unknown = [target for target in chosen.values() if target not in BY_NAME]
    if unknown:
        raise Invalid(_("“%(target)s” is not something that a column can mean.") % {"target": unknown[0][:40]})
    for target in set(chosen.values()) - SEVERAL_ALLOWED:
        columns = [run.columns[index] or str(index + 1) for index, name in chosen.items() if name == target]
        if len(columns) > 1:
            raise Invalid(
                _("%(columns)s are all set to “%(target)s”. Choose one of them, and set the others to something else.")
                % {"columns": ", ".join(f"“{name}”" for name in columns), "target": BY_NAME[target].label},
                code="target_twice",
            )
    if not {"name", "given_name", "family_name", "organization"} & set(chosen.values()):
        raise Invalid(_("No column names a person or an organization. Set at least one to a name."), code="no_name")
    with transaction.atomic():
        run = _open(run)
        run.mapping = {str(index): target for index, target in chosen.items()}
        run.options = {**run.options, **options}
        run.state = State.MAPPED
        run.save(update_fields=["mapping", "options", "state", "updated_at"])
        remembering.remember(run=run, actor=actor, is_shared=is_shared)
    return run


def start_check(*, run: ImportRun, actor: User) -> Job:
    """Begin the dry run. Asking twice gives the same job."""
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.state == State.CHECKING and run.job is not None:
            return run.job
        if run.state not in OPEN_STATES or not run.mapping:
            raise WrongState(_("This import cannot be checked now. Set its columns first, or upload the file again."))
        job = start_job(
            kind=CHECK,
            title=_("Dry run of %(file)s") % {"file": run.file_name},
            owner=actor,
            params={"run": str(run.uid)},
            object_uid=run.uid,
            total=run.options.get("rows"),
        )
        # its other sheets hold personal data that nobody asked to keep
        _delete_book(run)
        run.options.pop("sheets", None)
        _move(run, State.CHECKING, job=job, counts={}, error="", planned={}, first_permission={}, options=run.options)
    return job


def start_apply(*, run: ImportRun, actor: User, first_permission: Mapping[str, Any] | None = None) -> Job:
    """Begin to apply what was checked. A second click gives the same job and applies nothing twice.

    first_permission: topic, lawful_basis, source, evidence; None for no permission. Raises Invalid when it is half given.
    """
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.state in {State.APPLYING, State.APPLIED} and run.job is not None:
            return run.job
        if run.state != State.CHECKED:
            raise WrongState(_("This import cannot be applied now: look at a dry run of it first."))
        job = start_job(
            kind=APPLY,
            title=_("Import of %(file)s") % {"file": run.file_name},
            owner=actor,
            params={"run": str(run.uid), "actor": str(actor.uid)},
            object_uid=run.uid,
        )
        _move(run, State.APPLYING, job=job, error="", first_permission=_permission(first_permission))
    return job


def start_undo(*, run: ImportRun, actor: User) -> Job:
    """Begin to take an import back. A second click gives the same job; what is undone is not undone again."""
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.state in {State.UNDOING, State.UNDONE} and run.job is not None:
            return run.job
        if run.state != State.APPLIED:
            raise WrongState(_("This import changed nothing, so there is nothing to undo."))
        if not run.made.exists() and not can_be_undone(run):
            raise WrongState(
                _("This import was applied before imports kept what they made, so it cannot be undone as a whole.")
            )
        job = start_job(
            kind=UNDO,
            title=_("Undo of %(file)s") % {"file": run.file_name},
            owner=actor,
            params={"run": str(run.uid), "actor": str(actor.uid)},
            object_uid=run.uid,
            total=sum(len(ids) for ids in run.made.values_list("ids", flat=True)),
        )
        _move(run, State.UNDOING, job=job, error="")
    return job


def can_be_undone(run: ImportRun) -> bool:
    """Whether it changed anything that it noted: what it made, or fields that it filled."""
    if run.state != State.APPLIED:
        return False
    changed = AuditChange.objects.filter(entry__verb="import.applied", entry__object_uid=run.uid, before__isnull=False)
    return run.made.exists() or changed.exists()


def finish_check(*, run: ImportRun, scope: Any) -> ImportRun:
    """Decide what the staged rows do, and keep the outcome and the counts. Nothing of the directory changes."""
    with transaction.atomic():
        planned = freshness.now(scope)
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        make_plan(run=run, scope=scope)
        counts = {**_counts(run), "permission": _permission_counts()}
        _move(run, State.CHECKED, counts=counts, planned=planned)
    return run


def apply_import(
    *, run: ImportRun, actor: User | None, on_phase: Callable[[str], None] = lambda words: None
) -> ImportRun:
    """Write the import, all or nothing; what is applied already is left as it is. Of a large one a second writer takes a part.

    on_phase hears what comes next and may raise to stop: then nothing is kept.
    """
    if not is_worth_it(run):
        run = _apply(run, actor, on_phase, None)
    else:
        settle_second(run)  # of an earlier try, whose worker died
        try:
            with second_writer(run) as other:
                run = _apply(run, actor, on_phase, other)
        except (SecondFailed, OperationalError) as error:
            if not other.began:
                raise
            logger.warning(
                "Import %s is written by one writer, for two did not get on: %s", run.pk, error.__cause__ or error
            )
            settle_second(run)  # else its rows would stand in the way
            run = _apply(run, actor, on_phase, None)
    with transaction.atomic():
        execute([SETTINGS], {})
        freshen(GROWN)
    return run


def _apply(
    run: ImportRun, actor: User | None, on_phase: Callable[[str], None], other: SecondWriter | None
) -> ImportRun:
    with transaction.atomic():
        with connection.cursor() as cursor:  # two imports at once would both create the same institution
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import.apply'))")
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.state == State.APPLIED:
            return run
        on_phase(_("Comparing with the directory"))
        scope = actor.scope(Action.BULK).countries if actor else None
        now, actor_uid = timezone.now(), actor.uid if actor else None
        ids = bulk_ids(now)
        if not freshness.holds(run, scope):
            make_plan(run=run, scope=scope)
        elif other is not None:
            other.begin(ids=ids, now=now, actor_uid=actor_uid)
        share = other.share if other is not None else {}
        load_plan(run, {**ids, **share}, part=FIRST if share else "")
        counts = _counts(run)
        entry = record(
            verb="import.applied",
            target=run,
            actor=actor,
            door=Door.IMPORT,
            summary=run.file_name,
            event={name: counts[name] for name in ("created", "updated", "unchanged", "rejected")},
        )
        write_rows(run=run, now=now, ids=ids, actor_uid=actor_uid, on_phase=on_phase)
        on_phase(_("Recording permissions"))
        granted = give_permissions(run=run, ids=ids, actor_uid=actor_uid)
        on_phase(_("Writing the history"))
        write_history(run=run, entry=entry, ids=ids)
        if other is not None and share:
            check_references()
            granted += other.take(ids)
            write_history(run=run, entry=entry, ids=ids)
        keep_made(run)
        on_phase(_("Finishing"))
        check_references()
        if other is not None:
            other.wait()
        counts = {**run.counts, **counts, "permissions": granted}
        _move(run, State.APPLIED, applied_at=now, counts=counts, planned={})
    return run


def settle(run: ImportRun) -> ImportRun:
    """Bring a run whose job ended without it (cancelled while queued, given up) to where it can go on from."""
    if not run.is_busy or (run.job is not None and run.job.is_open):
        return run
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        job = run.job
        if not run.is_busy or (job is not None and job.is_open):
            return run
        if run.state == State.UNDOING:  # what is left is taken back when somebody asks again
            _move(run, State.APPLIED, error=job.error if job is not None else "")
        elif job is not None and job.state == Job.State.FAILED:
            _move(run, State.FAILED, error=job.error)
        else:
            _move(run, State.MAPPED if run.state == State.CHECKING else State.CHECKED)
    return run


def refuse(*, run: ImportRun, error: BadFile) -> None:
    """The file turned out to be broken: say why, and drop what was staged of it."""
    with transaction.atomic():
        drop_staged(run)
        _move(run, State.REFUSED, error=error.message)


def drop_staged(run: ImportRun) -> None:
    """The lines of the file, and what was decided for them."""
    ImportLine.objects.filter(run=run).delete()
    ImportRow.objects.filter(run=run).delete()


def discard_import(*, run: ImportRun, actor: User | None) -> None:
    """Remove the file and its staged rows, which are personal data. What was applied stays, and so does the history of it.

    actor: None when its time is over (retention).
    """
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.is_busy:
            raise Conflict(_("This import is at work. Stop it first, then remove its file."), code="import_busy")
        drop_staged(run)
        record(verb="import.discarded", target=run, actor=actor, summary=run.file_name)
        storage, name = run.file.storage, run.file.name or ""
        book = _book(run) if run.file else None
        if run.was_applied:
            ImportRun.objects.filter(pk=run.pk).update(file="", updated_at=timezone.now())
        else:
            run.delete()
        transaction.on_commit(lambda: storage.delete(name) if name else None)
        transaction.on_commit(lambda: book.unlink(missing_ok=True) if book else None)


def _open(run: ImportRun) -> ImportRun:
    run = ImportRun.objects.select_for_update().get(pk=run.pk)
    _must_be_open(run)
    return run


def _must_be_open(run: ImportRun) -> None:
    if run.state not in OPEN_STATES or not run.file:
        raise WrongState(_("The columns of this import cannot be changed any more."))


def _set_format(run: ImportRun, how: Format, rows: int) -> None:
    run.encoding, run.delimiter, run.has_header = how.encoding, how.delimiter, how.has_header
    almost = almost_utf8(Path(run.file.path), how)
    run.options = {
        **run.options, "rows": rows, "separator_line": how.separator_line, "begins": how.begins,
        "almost_utf8": almost._asdict() if almost else None,
    }  # fmt: skip
    columns = columns_with_samples(run)
    run.columns = [column.label for column in columns]
    run.mapping = {str(column.index): column.proposed for column in columns if column.proposed}
    remembering.propose(run)


def _move(run: ImportRun, state: str, **values: Any) -> None:
    run.state = state
    for name, value in values.items():
        setattr(run, name, value)
    run.save(update_fields=["state", "updated_at", *values])


def _permission(chosen: Mapping[str, Any] | None) -> dict[str, Any]:
    if not chosen:
        return {}
    topic: Topic | None = chosen.get("topic")
    missing = [name for name in ("lawful_basis", "source", "evidence") if not str(chosen.get(name, "")).strip()]
    if topic is None or missing or chosen["lawful_basis"] not in LawfulBasis.values or topic.archived_at:
        raise Invalid(
            _("A first permission needs a topic in use, a lawful basis, a source and evidence. Nothing was imported."),
            code="permission_incomplete",
        )
    return {
        "topic_id": topic.pk,
        "topic": topic.name,
        "lawful_basis": str(chosen["lawful_basis"]),
        "source": str(chosen["source"]).strip()[:120],
        "evidence": str(chosen["evidence"]).strip(),
        # the moment of the click: a withdrawal that comes while the rows are written is later, and so the last word
        "asked_at": timezone.now().isoformat(),
    }


def _counts(run: ImportRun) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, count(*), count(*) FILTER (WHERE does & 2 > 0), count(*) FILTER (WHERE does & 1 > 0),"
            " count(*) FILTER (WHERE does & 4 > 0) FROM contacts_importrow WHERE run_id = %s GROUP BY outcome",
            [run.pk],
        )
        found = cursor.fetchall()
    counts = dict.fromkeys(ImportRow.Outcome.values, 0) | {row[0]: row[1] for row in found}
    return {
        **counts,
        "people": sum(row[2] for row in found),
        "organizations": sum(row[3] for row in found),
        "posts": sum(row[4] for row in found),
    }


def _permission_counts() -> dict[str, Any]:
    """Who could get a first permission, and how many have been heard on each topic already."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE import_subject ON COMMIT DROP AS {PLANNED_SUBJECTS}"  # noqa: S608 constants only
        )
        cursor.execute(
            "SELECT count(*) FILTER (WHERE NOT is_suppressed), count(*) FILTER (WHERE is_suppressed) FROM import_subject"
        )
        free, suppressed = cursor.fetchone()
        cursor.execute(
            "SELECT c.topic_id, count(*) FILTER (WHERE c.is_granted), count(*) FILTER (WHERE NOT c.is_granted)"
            " FROM import_subject s JOIN contacts_consentstate c ON c.subject_uid = s.uid AND c.channel = 'email'"
            " WHERE NOT s.is_suppressed GROUP BY c.topic_id"
        )
        heard = {
            str(topic): {"granted": granted, "withdrawn": withdrawn} for topic, granted, withdrawn in cursor.fetchall()
        }
    return {"free": free, "suppressed": suppressed, "heard": heard}
