"""What the directory, consent, imports and the platform itself hold about a person. Registered by `registration.py`."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure import words
from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import json_like, pattern, replace_names, run
from contacts.consent.models import ConsentEvent, ConsentState, DataExport, OptInRequest, SubscriptionRow
from contacts.directory.models import Membership, Person
from contacts.segments.models import ContactListMember
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.jobs.models import Job
from crm.mailbox import forget_mail

KEPT_FIELDS = {"id", "uid", "created_at", "updated_at", "archived_at", "erased_at", "is_invented"}
ERASED = "Erased person"  # what stands where a name stood; not translated: it is data


def stamp(moment: Any) -> Any:
    return moment.isoformat() if moment else None


# --- consent ------------------------------------------------------------------------------------------------------------
def _events(data: PersonalData) -> QuerySet[ConsentEvent]:
    return ConsentEvent.objects.filter(subject_uid__in=data.uids)


def erase_events(data: PersonalData) -> int:
    """The named exception of the append-only ledger: that something was said stays, where and by whom it was shown goes.

    What shows somebody else's permission stays; a name of theirs in it goes.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('groundswell.erasing', 'on', true)")
        changed = _events(data).exclude(source="erased", evidence="", address_hash=None)
        count = changed.update(source="erased", evidence="", address_hash=None)
        count += sum(replace_names("contacts_consentevent", column, data) for column in ("source", "evidence"))
        cursor.execute("SELECT set_config('groundswell.erasing', 'off', true)")
    return count


def export_events(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "topic": event.topic.code, "channel": event.channel, "action": event.action, "at": stamp(event.at),
            "lawful_basis": event.lawful_basis, "source": event.source, "evidence": event.evidence,
        }
        for event in _events(data).select_related("topic").order_by("at", "id")
    ]  # fmt: skip


def export_states(data: PersonalData) -> list[dict[str, Any]]:
    states = ConsentState.objects.filter(subject_uid__in=data.uids).select_related("topic").order_by("topic__code")
    return [
        {"topic": s.topic.code, "channel": s.channel, "allowed": s.is_granted, "since": stamp(s.at)} for s in states
    ]


def _requests(data: PersonalData) -> QuerySet[OptInRequest]:
    return OptInRequest.objects.filter(subject_uid__in=data.uids)


def export_requests(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {"topic": r.topic.code, "state": r.state, "why": r.source, "note": r.evidence, "asked_at": stamp(r.created_at)}
        for r in _requests(data).select_related("topic").order_by("id")
    ]


def erase_exports(data: PersonalData) -> int:
    rows = list(DataExport.objects.filter(person_uid__in=data.uids))
    for row in rows:
        row.delete_files()
        row.delete()
    return len(rows)


# --- the platform: audit, outbox, jobs, the local mailbox ---------------------------------------------------------------
def _own_changes(data: PersonalData) -> QuerySet[AuditChange]:
    return AuditChange.objects.filter(object_uid__in=data.uids)


def _count_audit(data: PersonalData) -> int:
    return _own_changes(data).exclude(before=None, after=None).count()


def erase_audit(data: PersonalData) -> int:
    """Values go, entries stay: who changed something and when is still known, and what it was is not."""
    count = _own_changes(data).exclude(before=None, after=None).update(before=None, after=None)
    AuditEntry.objects.filter(object_uid__in=data.uids).exclude(summary="").update(summary="")
    if data.needles:
        found = json_like(data.needles)
        count += run(
            "UPDATE crm_auditchange SET before = NULL, after = NULL"
            " WHERE (before::text ILIKE ANY (%s) AND before::text ~* %s) OR (after::text ILIKE ANY (%s) AND after::text ~* %s)",
            [found, pattern(data.needles), found, pattern(data.needles)],
        )
        replace_names("crm_auditentry", "summary", data)
    return count


def export_audit(data: PersonalData) -> list[dict[str, Any]]:
    rows = _own_changes(data).select_related("entry", "entry__actor").order_by("entry__at", "id")
    return [
        {
            "at": stamp(row.entry.at), "what": row.entry.verb, "by": row.entry.actor.name if row.entry.actor else row.entry.door,
            "field": row.field, "before": row.before, "after": row.after,
        }
        for row in rows
    ]  # fmt: skip


def _events_out(data: PersonalData) -> QuerySet[OutboxEvent]:
    """Their events that still say something; the one that says “erased” stays as it is."""
    own = OutboxEvent.objects.filter(object_uid__in=data.uids).exclude(type="person.erased")
    return own.exclude(payload={"erased": True})


def erase_outbox(data: PersonalData) -> int:
    count = _events_out(data).update(payload={"erased": True})
    if data.needles:
        found = json_like(data.needles)
        count += run(
            "UPDATE crm_outboxevent SET payload = '{\"erased\": true}' WHERE payload::text ILIKE ANY (%s) AND payload::text ~* %s",
            [found, pattern(data.needles)],
        )
    return count


def erase_jobs(data: PersonalData) -> int:
    """Jobs that are over forget what they were given; one that runs needs it, and only this erasure's may run now."""
    own = Job.objects.filter(object_uid__in=data.uids, finished_at__isnull=False)
    count = own.exclude(params={}, result={}, result_url="").update(params={}, result={}, result_url="")
    if data.needles:
        found = json_like(data.needles)
        count += run(
            "UPDATE crm_job SET params = '{}', result = '{}' WHERE finished_at IS NOT NULL"
            " AND (params::text ILIKE ANY (%s) OR result::text ILIKE ANY (%s))",
            [found, found],
        )
        for column in ("title", "error", "phase"):
            count += replace_names("crm_job", column, data)
    return count


def _count_jobs(data: PersonalData) -> int:
    return Job.objects.filter(object_uid__in=data.uids).count()


# --- the directory: last, because everything else finds the person by it ------------------------------------------------
def erase_directory(data: PersonalData) -> int:
    """An empty row stays, so that numbers which count it go on adding up. It has no name, no country, no seat, no address."""
    now, count = timezone.now(), 0
    for person in data.people:
        count += person.contact_points.all().delete()[0]
        person.tags.clear()
        if person.name == ERASED:
            continue
        for field in Person._meta.concrete_fields:  # all but the few that say nothing: a new one is not forgotten
            if field.name not in KEPT_FIELDS:
                setattr(person, field.attname, field.get_default())
        person.name = ERASED
        person.erased_at = person.erased_at or now
        person.save()
        count += 1
    return count


def export_directory(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "uid": str(p.uid), "name": p.name, "names": p.names, "given_name": p.given_name, "family_name": p.family_name,
            "honorific_prefix": p.honorific_prefix, "gender": p.gender, "greeting": p.greeting,
            "pronunciation": p.pronunciation, "language": p.language,
            "country": p.country_id, "note": p.note, "custom": p.custom, "tags": sorted(p.tags.values_list("name", flat=True)),
            "recorded_at": stamp(p.created_at), "last_mailed_at": stamp(p.last_mailed_at),
            "last_engaged_at": stamp(p.last_engaged_at),
        }
        for p in data.people
    ]  # fmt: skip


def export_points(data: PersonalData) -> list[dict[str, Any]]:
    return [
        {
            "kind": point.kind, "value": point.value, "label": point.label, "status": point.status,
            "status_reason": point.status_reason, "is_preferred": point.is_preferred,
        }
        for point in data.points
    ]  # fmt: skip


def _memberships(data: PersonalData) -> QuerySet[Membership]:
    return Membership.objects.filter(person__in=data.person_ids)


def export_memberships(data: PersonalData) -> list[dict[str, Any]]:
    rows = _memberships(data).select_related("organization", "post").order_by("started_on", "pk")
    return [
        {
            "organization": m.organization.name, "post": m.post.name if m.post else m.role,
            "from": str(m.started_on or ""), "to": str(m.ended_on or ""), "is_primary": m.is_primary,
        }
        for m in rows
    ]  # fmt: skip


def _on_lists(data: PersonalData) -> QuerySet[ContactListMember]:
    return ContactListMember.objects.filter(person__in=data.person_ids)


def export_lists(data: PersonalData) -> list[dict[str, Any]]:
    rows = _on_lists(data).select_related("contact_list").order_by("pk")
    return [{"list": row.contact_list.name, "since": stamp(row.added_at)} for row in rows]


def export_subscriptions(data: PersonalData) -> list[dict[str, Any]]:
    rows = SubscriptionRow.objects.filter(subject_uid__in=data.uids).select_related("run__topic").order_by("pk")
    return [{"topic": r.run.topic.code, "outcome": r.outcome, "at": stamp(r.run.created_at)} for r in rows]


def nothing(data: PersonalData) -> int:
    return 0


# --- imports ------------------------------------------------------------------------------------------------------------
def _staged_sql(data: PersonalData) -> tuple[str, list[Any]]:
    """Lines of staging about them: by the person they led to, or by an address or a name in the cells or in what was read of them."""
    found = json_like(data.needles)
    sql = "((run_id, line) IN (SELECT run_id, line FROM contacts_importrow WHERE person_id = ANY (%s))"
    values: list[Any] = [data.person_ids]
    if found:
        read = (
            "jsonb_build_array(name, given_name, family_name, email, email_key, phone, organization, post, note)::text"
        )
        sql += f" OR ((raw::text ILIKE ANY (%s) OR {read} ILIKE ANY (%s)) AND (raw::text || {read}) ~* %s)"
        values += [found, found, pattern(data.needles)]
    return sql + ")", values


def count_imports(data: PersonalData) -> int:
    where, values = _staged_sql(data)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM contacts_importline WHERE {where} AND raw <> '[]'", values)  # noqa: S608
        return int(cursor.fetchone()[0])


def export_imports(data: PersonalData) -> list[dict[str, Any]]:
    """Rows of files that led to them or bear their address; not those in which somebody else's row names them."""
    from contacts.importing.models import ImportLine, ImportRow

    led = ImportRow.objects.filter(run=OuterRef("run"), line=OuterRef("line"), person_id__in=data.person_ids)
    rows = ImportLine.objects.filter(Q(email_key__in=data.keys) | Q(Exists(led))).exclude(raw=[])
    return [
        {
            "file": row.run.file_name, "uploaded_at": stamp(row.run.created_at), "line": row.line,
            "cells": [{"column": name, "text": text} for name, text in zip_longest(row.run.columns, row.raw, fillvalue="") if text],
        }
        for row in rows.select_related("run").order_by("run", "line")
    ]  # fmt: skip


def erase_imports(data: PersonalData) -> int:
    """Cells of their lines are emptied, and files that hold a line of theirs go; an import not applied yet is cancelled."""
    from contacts.importing.models import ImportLine, ImportRow, ImportRun
    from contacts.importing.services import delete_files, drop_staged

    where, values = _staged_sql(data)
    nothing_read = ", ".join(f"{name} = NULL" for name in ImportLine.VALUES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH emptied AS (UPDATE contacts_importline SET raw = '[]', refused = '', {nothing_read} WHERE {where} AND raw <> '[]'"  # noqa: S608
            " RETURNING run_id, line)"
            " UPDATE contacts_importrow r SET reason = '' FROM emptied e WHERE r.run_id = e.run_id AND r.line = e.line RETURNING r.run_id",
            values,
        )
        hit = {row[0] for row in cursor.fetchall()}
        count = int(cursor.rowcount)
    # an undo of the import must not take the empty row away that reports count; and names nobody as kept
    run(
        "UPDATE contacts_importmade SET ids = (SELECT coalesce(array_agg(id), '{}') FROM unnest(ids) id WHERE id <> ALL (%s))"
        " WHERE kind = 'person' AND ids && %s::bigint[]",
        [data.person_ids, data.person_ids],
    )
    count += run(  # behind “email:” stands the address
        "UPDATE contacts_importkept SET name = %s, field = CASE WHEN field LIKE '%%: %%' THEN split_part(field, ': ', 1) || ' ' || id ELSE field END"
        " WHERE object_uid = ANY (%s) AND name <> %s",
        [ERASED, list(data.uids), ERASED],
    )
    linked = set(ImportRow.objects.filter(person_id__in=data.person_ids).values_list("run_id", flat=True))
    for import_run in ImportRun.objects.exclude(file=""):
        if import_run.pk not in hit | linked and not _file_mentions(import_run, data):
            continue
        delete_files(import_run)
        import_run.file = ""
        fields = ["file", "updated_at"]
        if import_run.state != ImportRun.State.APPLIED:
            import_run.state = ImportRun.State.CANCELLED
            fields.append("state")
            drop_staged(import_run)
        import_run.save(update_fields=fields)
        count += 1
    return count


def _file_mentions(import_run: Any, data: PersonalData) -> bool:
    """Whether the uploaded file holds an address or a full name of theirs, in the encoding in which it was read; a workbook, on any sheet."""
    from contacts.importing.services import book_mentions

    if data.needles and book_mentions(import_run, data.needles):
        return True
    try:
        text = Path(import_run.file.path).read_bytes().decode(import_run.encoding or "utf-8", "replace").casefold()
    except (OSError, LookupError):
        return False
    return any(needle.casefold() in text for needle in data.needles)


def register() -> None:
    """In the order in which they are erased: what finds the person by its directory entry first, the entry last."""
    _register_platform()
    words.register()
    _register_consent()
    _register_directory()


def _register_platform() -> None:
    register_erasure(
        "imports", _("Imported files and their rows"), count=count_imports, erase=erase_imports, export=export_imports, order=400,
        goes=_("Their cells are emptied, and files with a line of theirs are deleted. An import that is not applied yet is cancelled."),
        stays=_("How many rows an import had, and what became of them."),
    )  # fmt: skip
    register_erasure(
        "jobs", _("Jobs"), count=_count_jobs, erase=erase_jobs, order=500,
        goes=_("What finished jobs were given and what they said."), stays=_("That a job ran, when and for whom."),
    )  # fmt: skip
    register_erasure(
        "exports", _("Files with their data"), count=lambda data: DataExport.objects.filter(person_uid__in=data.uids).count(),
        erase=erase_exports, order=510, goes=_("The files are deleted."),
    )  # fmt: skip
    register_erasure(
        "mailbox", _("The local mailbox"), count=lambda data: forget_mail(data.keys, dry=True), erase=lambda data: forget_mail(data.keys), order=600,
        goes=_("Mail to them, from them or about them that this machine kept."),
    )  # fmt: skip
    register_erasure(
        "audit", _("Audit trail"), count=_count_audit, erase=erase_audit, export=export_audit, order=700,
        goes=_("Every value before and after a change, and every mention of their name or address."),
        stays=_("Who changed something and when: the trail must not have holes."),
    )  # fmt: skip
    register_erasure(
        "outbox", _("Events for other systems"), count=lambda data: _events_out(data).count(), erase=erase_outbox, order=710,
        goes=_("What the events said."), stays=_("That they were published, and a last one that says “erased”."),
    )  # fmt: skip


def _register_consent() -> None:
    register_erasure(
        "opt_in", _("Questions for a permission"), count=lambda data: _requests(data).count(),
        erase=lambda data: _requests(data).delete()[0], export=export_requests, order=790,
        goes=_("All of them; the link in an old mail opens nothing any more."),
    )  # fmt: skip
    register_erasure(
        "consent", _("Permissions given and withdrawn"), count=lambda data: _events(data).count(), erase=erase_events,
        export=export_events, order=800, goes=_("Source, evidence and the hash of the address; their name in what shows the permission of others."),
        stays=_("The skeleton: topic, given or withdrawn, basis and day, under a number that names nobody. It proves that past mail was allowed."),
    )  # fmt: skip
    register_erasure("consent_now", _("Permissions now"), count=nothing, erase=nothing, export=export_states, order=801)
    register_erasure(
        "subscriptions",
        _("Subscriptions by staff"),
        count=nothing,
        erase=nothing,
        export=export_subscriptions,
        order=802,
    )


def _register_directory() -> None:
    register_erasure(
        "lists", _("Lists chosen by hand"), count=lambda data: _on_lists(data).count(), erase=nothing, export=export_lists,
        order=810, stays=_("An entry without a name, so that pre-flight can say “erased” where a list was approved with them."),
    )  # fmt: skip
    register_erasure(
        "memberships", _("Posts and memberships"), count=lambda data: _memberships(data).count(),
        erase=lambda data: _memberships(data).delete()[0], export=export_memberships, order=890,
        goes=_("All of them: a post and its years name somebody, too."), stays=_("The posts themselves."),
    )  # fmt: skip
    register_erasure(
        "contact_points", _("Addresses"), count=lambda data: len(data.points), erase=nothing, export=export_points, order=895,
        goes=_("All of them."),
        stays=_("A keyed hash of each address that is theirs alone, so that no import ever writes to it again."),
    )  # fmt: skip
    register_erasure(
        "person", _("Their page"), count=lambda data: len(data.people), erase=erase_directory, export=export_directory,
        order=900, goes=_("Name, names, language, country, note, tags and every other field."),
        stays=_("An empty row that counts, so that reports go on adding up."),
    )  # fmt: skip
