"""A person's data, handed over: one file for machines, one to read on a screen and one on paper. Both go after some days; each download is logged."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.erasure.printing import printed
from contacts.consent.erasure.registry import Holding, PersonalData, holdings
from contacts.consent.models import DataExport
from contacts.directory.models import Person
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Conflict, NotAllowed
from crm.jobs.services import Run, job_kind, start_job

JOB = "consent.export"
FORMAT, VERSION = "groundswell.personal-data", 1
FILES = {
    "json": ("machine", "application/json"),
    "html": ("readable", "text/html; charset=utf-8"),
    "pdf": ("printed", "application/pdf"),
}


def request_export(*, person: Person, actor: User) -> DataExport:
    """Begin to gather everything that is held about a person, as a job."""
    if not Person.objects.visible_to(actor, Action.EXPORT).filter(pk=person.pk, erased_at__isnull=True).exists():
        raise NotAllowed(_("Your role does not let you export this person's data."))
    with transaction.atomic():
        made = DataExport.objects.create(person_uid=person.uid, requested_by=actor)
        made.job = start_job(
            kind=JOB, title=_("Data of a person"), owner=actor, params={"export": str(made.uid)}, object_uid=made.uid
        )
        made.save(update_fields=["job", "updated_at"])
        record(verb="person.export_requested", target=person, actor=actor)
    return made


@job_kind(JOB)
def gather(job: Run) -> None:
    """Write the files. A second run writes them anew."""
    made = DataExport.objects.filter(uid=job.params.get("export") or job.job.uid).first()
    if made is None:  # erased meanwhile
        return
    person = Person.objects.get(uid=made.person_uid)
    now = timezone.now()
    found = collect(person, now)
    contents = {
        "json": json.dumps(as_json(person, found, now), ensure_ascii=False, indent=1).encode(),
        "html": readable(person, found, now).encode(),
        "pdf": printed(person, found, now),
    }
    made.delete_files()
    for kind, content in contents.items():
        getattr(made, FILES[kind][0]).save(f"{made.uid}.{kind}", ContentFile(content), save=False)
    made.ready_at, made.expires_at = now, now + timedelta(days=settings.PERSONAL_EXPORT_DAYS)
    made.save()
    job.result(url=reverse("data_export_detail", args=[made.uid]))


def collect(person: Person, now: datetime) -> list[tuple[Holding, list[dict[str, Any]]]]:
    data = PersonalData.of(person.uid)
    return [(holding, holding.export(data)) for holding in reversed(holdings()) if holding.export]


def as_json(person: Person, found: list[tuple[Holding, list[dict[str, Any]]]], now: datetime) -> dict[str, Any]:
    """docs/guide/consent-and-erasure.md says what stands in it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now.isoformat(),
        "held_by": str(Installation.current()),
        "uid": str(person.uid),
        "data": {holding.name: rows for holding, rows in found},
    }


def readable(person: Person, found: list[tuple[Holding, list[dict[str, Any]]]], now: datetime) -> str:
    parts = [
        {"label": holding.label, "rows": [list(row.items()) for row in rows], "heads": [name.replace("_", " ") for name in rows[0]] if rows else []}
        for holding, rows in found
    ]  # fmt: skip
    context = {"person": person, "parts": parts, "now": now, "organization": Installation.current()}
    return render_to_string("contacts/consent/export/person.html", context)


def open_file(*, made: DataExport, kind: str, actor: User) -> bytes:
    """The bytes of a file, and a line in the audit trail that says who took it. Conflict when it is gone."""
    field = getattr(made, FILES[kind][0])
    if not is_there(made) or not field:
        raise Conflict(_("These files are gone: they are kept for a few days only. Make new ones from the person's page."), code="expired")  # fmt: skip
    with transaction.atomic():
        record(
            verb="person.export_downloaded", object_type="person", object_uid=made.person_uid, actor=actor, summary=kind
        )
    with field.open("rb") as file:
        return bytes(file.read())


def is_there(made: DataExport) -> bool:
    return bool(made.machine) and made.expires_at is not None and made.expires_at > timezone.now()


def expire(*, now: datetime | None = None) -> int:
    """Delete files whose time is over; returns of how many exports."""
    over = DataExport.objects.filter(expires_at__lt=now or timezone.now()).exclude(machine="")
    count = 0
    for made in over[:500]:
        made.delete_files()
        made.save(update_fields=[*made.FILES, "updated_at"])
        count += 1
    return count
