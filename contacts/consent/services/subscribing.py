"""Staff subscribe many at once: the selection is kept as rows, each row ends with what became of it, and none twice.

Nobody's withdrawal and no suppression is reversed; who was left out is listed, with the reason.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.models import (
    ConsentAction,
    ConsentEvent,
    LawfulBasis,
    Outcome,
    SubjectKind,
    SubscriptionRow,
    SubscriptionRun,
    Topic,
    Way,
)
from contacts.consent.queries import EMAIL
from contacts.consent.services.judging import judge, lock_subjects
from contacts.consent.services.opt_in import request_all
from contacts.directory.models import Person
from crm.accounts.models import User
from crm.audit.models import AuditChange, OutboxEvent
from crm.audit.services import record
from crm.errors import Invalid
from crm.jobs.services import Run, job_kind, start_job

JOB = "consent.subscribe"
AT_ONCE = 200  # so many are done while the browser waits; more become a job
CHUNK = 500
CHUNKS_A_STEP = 20


def subscribe(
    *,
    rows: QuerySet[Any],
    topic: Topic,
    way: str,
    source: str,
    evidence: str,
    label: str,
    actor: User | None,
    lawful_basis: str = "",
) -> SubscriptionRun:
    """Subscribe the people (or organizations) of `rows` to the topic, as far as nothing stands against it.

    Raises Invalid without a lawful basis, a source or evidence, for an archived topic, and for an empty selection.
    """
    basis = LawfulBasis.CONSENT.value if way == Way.ASK else lawful_basis
    if way not in Way.values or basis not in LawfulBasis.values:
        raise Invalid(_("A permission needs a lawful basis, and none was chosen."), code="basis_missing")
    if not source.strip() or not evidence.strip():
        raise Invalid(_("Say where this permission comes from, and what shows it."), code="source_missing")
    if topic.archived_at:
        raise Invalid(_("“%(topic)s” is archived. Restore it first.") % {"topic": topic.label}, code="topic_archived")
    with transaction.atomic():
        run = SubscriptionRun.objects.create(
            topic=topic,
            subject_kind=SubjectKind.PERSON if rows.model is Person else SubjectKind.ORGANIZATION,
            way=way,
            lawful_basis=basis,
            source=source.strip()[:120],
            evidence=evidence.strip(),
            label=label[:200],
            owner=actor,
        )
        count = _keep_selection(run, rows)
        if not count:
            raise Invalid(_("Nobody is in this selection, so nothing was done."), code="nothing_selected")
        record(verb="subscription.started", target=run, actor=actor, summary=f"{topic.name}: {count}")
        if count > AT_ONCE:
            title = _("Subscribe to “%(topic)s”: %(label)s") % {"topic": topic.name, "label": label}
            run.job = start_job(
                kind=JOB, title=title, owner=actor, params={"run": str(run.uid)}, object_uid=run.uid, total=count
            )
            run.save(update_fields=["job", "updated_at"])
    if count <= AT_ONCE:
        while work_off(run=run):
            pass
        finish(run=run)
    return run


def _keep_selection(run: SubscriptionRun, rows: QuerySet[Any]) -> int:
    sql, params = rows.order_by().values_list("uid").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_subscriptionrow (run_id, subject_uid, outcome)"  # noqa: S608 our own words
            f" SELECT DISTINCT %s::bigint, chosen.uid, '' FROM ({sql}) chosen (uid) ORDER BY 2",  # the earliest record first: it is asked when two have one address
            [run.pk, *params],
        )
        return int(cursor.rowcount)


@job_kind(JOB)
def subscribe_all(job: Run) -> Any:
    """A step of a large subscription: some chunks, each committed with its outcomes."""
    run = SubscriptionRun.objects.select_related("topic", "owner").get(uid=job.params["run"])
    for _chunk in range(CHUNKS_A_STEP):
        done = work_off(run=run)
        if not done:
            finish(run=run)
            job.result(url=reverse("subscription_detail", args=[run.uid]), **run.counts)
            return None
        job.advance(done)
    return job.again()


def work_off(*, run: SubscriptionRun) -> int:
    """Deal with the next chunk of a run, in one transaction; returns how many subjects, 0 when none is left."""
    with transaction.atomic():
        rows = list(
            SubscriptionRow.objects.select_for_update(skip_locked=True).filter(run=run, outcome="").order_by("id")[:CHUNK]
        )  # fmt: skip
        if not rows:
            return 0
        uids = [row.subject_uid for row in rows]
        lock_subjects(uids)
        judged = judge(kind=run.subject_kind, uids=uids, topic=run.topic, way=run.way)
        welcome = judged.welcome(uids)
        if run.way == Way.ASK:
            request_all(
                kind=run.subject_kind,
                uids=welcome,
                judged=judged,
                topic=run.topic,
                source=run.source,
                evidence=run.evidence,
                actor=run.owner,
            )
        else:
            _record_all(run, welcome)
        done = Outcome.ASKED if run.way == Way.ASK else Outcome.GRANTED
        for row in rows:
            row.outcome = judged.outcome.get(row.subject_uid, done)
        SubscriptionRow.objects.bulk_update(rows, ["outcome"])
    return len(rows)


def _record_all(run: SubscriptionRun, uids: list[UUID]) -> None:
    """First permissions for all of them: events, one audit entry with a row for each, and outbox events; set by set."""
    if not uids:
        return
    now, actor = timezone.now(), run.owner
    ConsentEvent.objects.bulk_create(
        ConsentEvent(
            subject_uid=uid,
            subject_kind=run.subject_kind,
            topic=run.topic,
            channel=EMAIL,
            action=ConsentAction.GRANT,
            lawful_basis=run.lawful_basis,
            source=run.source,
            evidence=run.evidence,
            at=now,
            actor_uid=actor.uid if actor else None,
        )
        for uid in uids
    )
    entry = record(
        verb="consent.granted", target=run, actor=actor, summary=f"{run.topic.name}: {run.source} ({len(uids)})"
    )
    AuditChange.objects.bulk_create(
        AuditChange(
            entry=entry,
            object_type=run.subject_kind,
            object_uid=uid,
            field=f"consent:{run.topic.code}",
            before=None,
            after=ConsentAction.GRANT.value,
        )
        for uid in uids
    )
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            type="consent.granted",
            object_uid=uid,
            actor_uid=actor.uid if actor else None,
            at=now,
            payload={"topic": run.topic.code, "channel": EMAIL, "source": run.source},
        )
        for uid in uids
    )


def finish(*, run: SubscriptionRun) -> None:
    """Keep the sums. Doing it twice changes nothing."""
    found = SubscriptionRow.objects.filter(run=run).values_list("outcome").annotate(n=Count("id"))
    run.counts, run.finished_at = dict(Counter(dict(found))), run.finished_at or timezone.now()
    run.save(update_fields=["counts", "finished_at", "updated_at"])
