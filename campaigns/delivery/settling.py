"""What is said of uncertain deliveries: sent once by a worker that died before the answer came.

Evidence is outside of Groundswell. The mail server's log is read where it is given (`settle_by_log`), and what a mailing service
tells of a message (`hear_event`). It may come while the message is in flight: it is filed first (`DeliveryEvidence`), and applied as
soon as nobody waits for an answer any more. Of the rest a person says that it arrived, that it did not, or that it is to be sent
again under the same Message-ID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery.evidence import Trace
from campaigns.delivery.models import Delivery, DeliveryEvidence, Outcome
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP
from campaigns.delivery.waking import wake
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked, move
from campaigns.mailings.states import State
from contacts.consent.queries import withdrawn_sql
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed, WrongState


class Word(models.TextChoices):
    """What became of it, by a person's word."""

    ARRIVED = "arrived", gettext_lazy("it arrived")
    LOST = "lost", gettext_lazy("it did not arrive")
    AGAIN = "again", gettext_lazy("send it again")


MAY_SEND_AGAIN = frozenset({State.SENDING, State.PAUSED, State.FINISHED})
_STATES = {Word.ARRIVED: Outcome.ACCEPTED, Word.LOST: Outcome.FAILED, Word.AGAIN: Outcome.PENDING}

_BY_WORD = """
UPDATE delivery d SET state = %(state)s, reply_text = %(text)s,
       settled_at = CASE WHEN %(state)s = 'pending' THEN NULL ELSE now() END
 WHERE d.mailing_id = %(mailing)s AND d.state = 'uncertain' AND (%(seqs)s::int[] IS NULL OR d.seq = ANY (%(seqs)s::int[]))
   AND (%(codes)s::text[] IS NULL OR d.country_code = ANY (%(codes)s::text[])){may}
RETURNING d.seq"""
_SUBJECT = (
    "CASE WHEN d.person_id IS NULL THEN (SELECT o.uid FROM contacts_organization o WHERE o.id = d.organization_id)"
    " ELSE (SELECT p.uid FROM contacts_person p WHERE p.id = d.person_id) END"
)
# an erasure blanked the address; a withdrawal cancels what waits, and this did not wait
MAY_BE_WRITTEN_TO = f" AND d.address <> '' AND NOT {withdrawn_sql(subject_uid=_SUBJECT, topic_id='%(topic)s')}"  # noqa: S608 our own words


def settle_uncertain(*, mailing: Mailing, actor: User, word: Word, seqs: list[int] | None = None) -> int:
    """Settle uncertain deliveries of a mailing, all or those with these `seqs`; returns how many were.

    Those that are settled already are left alone, so a second click does nothing twice. AGAIN opens a mailing that has finished, for
    these alone; of one that was cancelled it is WrongState. It leaves out whom nobody may write to any more (erased, or the
    permission was withdrawn): they stay uncertain. Only rows of the actor's countries; NotAllowed without the right to send.
    """
    if not Mailing.objects.visible_to(actor, Action.SEND).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow this for this mailing. An administrator can change it."))
    codes = actor.scope(Action.SEND).countries
    with transaction.atomic(), connection.cursor() as cursor:
        row = locked(mailing)
        if word == Word.AGAIN and row.state not in MAY_SEND_AGAIN:
            raise WrongState(
                _("“%(name)s” was cancelled, so nothing of it is sent again. Say whether they arrived.")
                % {"name": row.name},
                state=row.state,
            )
        cursor.execute(
            _BY_WORD.format(may=MAY_BE_WRITTEN_TO if word == Word.AGAIN else ""),
            {
                "state": _STATES[word].value,
                "text": _("%(who)s: %(word)s") % {"who": actor.name[:200], "word": word.label},
                "mailing": row.pk,
                "topic": row.topic_id,
                "seqs": seqs,
                "codes": None if codes is None else list(codes),
            },
        )
        settled = [seq for (seq,) in cursor.fetchall()]
        if not settled:
            return 0
        _recount(cursor, row.pk, settled, again=word == Word.AGAIN)
        if word == Word.ARRIVED:
            cursor.execute(ROLL_UP, {"mailing": row.pk, "seqs": settled})
        record(
            verb="mailing.uncertain_settled",
            target=row,
            actor=actor,
            summary=_("%(word)s: %(n)s") % {"word": word.label.capitalize(), "n": len(settled)},
            changes=[("uncertain", len(settled), 0)] if seqs is None else [],
        )
        if word == Word.AGAIN:
            if row.state == State.FINISHED:
                move(mailing=row, to=State.SENDING, actor=actor, finished_at=None)
            if row.state != State.PAUSED:
                transaction.on_commit(lambda: wake(row.pk))
    return len(settled)


_ACCEPTED = """
SELECT coalesce(array_agg(d.seq), '{}') FROM delivery d WHERE d.mailing_id = k.mailing_id AND d.seq BETWEEN k.first_seq AND k.last_seq
   AND d.state = 'accepted'"""

_THEIR_CHUNKS = """
 WHERE k.mailing_id = %(mailing)s
   AND EXISTS (SELECT 1 FROM unnest(%(seqs)s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq)"""
LOCK_CHUNKS = f"SELECT 1 FROM campaigns_deliverychunk k{_THEIR_CHUNKS} ORDER BY k.first_seq FOR UPDATE"


def _recount(cursor: Any, mailing_id: int, seqs: list[int], *, again: bool = False) -> None:
    """Count the chunks of `seqs` anew. again: they are open, and what counted for its people does not count a second time.

    Else `seqs` were accepted, or not: the caller rolls up those that were, and a chunk that is open must not do so once more.
    """
    values = {"again": again, "mailing": mailing_id, "seqs": seqs}
    # first the lock: a worker that ends one of them meanwhile has then said what it rolled up
    cursor.execute(LOCK_CHUNKS, values)
    # nothing of them waits for a try or for evidence any more
    cursor.execute(
        "DELETE FROM campaigns_deliveryretry WHERE mailing_id = %(mailing)s AND seq = ANY (%(seqs)s::int[])", values
    )
    cursor.execute(
        f"""
        UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}), is_done = k.is_done AND NOT %(again)s,
               due_at = CASE WHEN %(again)s THEN now() ELSE k.due_at END,
               rolled_seqs = CASE WHEN %(again)s AND k.is_done THEN ({_ACCEPTED})
                                  WHEN %(again)s OR k.is_done THEN k.rolled_seqs
                                  ELSE coalesce(k.rolled_seqs, '{{}}') || ({_ACCEPTED} AND d.seq = ANY (%(seqs)s)) END
        {_THEIR_CHUNKS}""",
        values,
    )
    # the feed looks at no chunk of a mailing that ended an hour ago; this one changed
    cursor.execute(
        "UPDATE campaigns_deliveryplace SET is_closed = false WHERE mailing_id = %s AND is_closed", [mailing_id]
    )


def settle_by_log(*, traces: Mapping[tuple[UUID, int], Trace]) -> dict[str, int]:
    """Settle deliveries whose answer nobody heard and of which a mail server's log has a trace; returns how many had which status.

    The relay had taken them, so they are accepted. Of one that it then gave back, the bounce comes by mail as of any other. What is in
    flight is settled when its answer does not come. What is settled is left alone, so the same log twice does nothing twice.
    """
    by_mailing: dict[UUID, dict[int, Trace]] = {}
    for (uid, seq), trace in traces.items():
        by_mailing.setdefault(uid, {})[seq] = trace
    found: Counter[str] = Counter()
    for mailing in Mailing.objects.filter(uid__in=by_mailing).order_by("pk"):
        mine = by_mailing[mailing.uid]
        _file(mailing.pk, {seq: f"{t.status} {t.said}" for seq, t in mine.items()}, source=DeliveryEvidence.Source.LOG)
        found.update(mine[seq].status for seq in apply_evidence(mailing_id=mailing.pk) if seq in mine)
    return dict(found)


def hear_event(*, delivery: Delivery, kind: str) -> bool:
    """A mailing service told something of a message: so it had taken it. Kept for `apply_told`; False when its answer is known."""
    if delivery.state not in _OPEN:
        return False
    return _file(delivery.mailing_id, {delivery.seq: kind}, source=DeliveryEvidence.Source.SERVICE)


_OPEN = (Outcome.IN_FLIGHT, Outcome.UNCERTAIN, Outcome.PENDING, Outcome.DEFERRED)
_WAS_TRIED = "(d.state IN ('in_flight', 'uncertain') OR d.state IN ('pending', 'deferred') AND d.attempts > 0)"


def _file(mailing_id: int, texts: Mapping[int, str], *, source: str) -> bool:
    """Keep what was said of deliveries that were tried and whose answer is not known; whether there was any."""
    seqs = sorted(texts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO campaigns_deliveryevidence (mailing_id, seq, source, text, at)
            SELECT d.mailing_id, d.seq, %(source)s, t.text, now()
              FROM unnest(%(seqs)s::int[], %(texts)s::text[]) AS t(seq, text) JOIN delivery d ON d.seq = t.seq
             WHERE d.mailing_id = %(mailing)s AND d.seq = ANY (%(seqs)s::int[]) AND {_WAS_TRIED}
            ON CONFLICT (mailing_id, seq) DO UPDATE SET source = excluded.source, text = excluded.text""",
            {
                "source": source,
                "seqs": seqs,
                "texts": [texts[seq].strip().replace("\0", "")[:280] for seq in seqs],
                "mailing": mailing_id,
            },
        )
        return bool(cursor.rowcount)


def apply_told() -> int:
    """Settle whatever was told of and is not in flight any more; returns how many. Whoever files evidence calls it, and the sweeper."""
    ids = DeliveryEvidence.objects.order_by("mailing_id").values_list("mailing_id", flat=True).distinct()
    return sum(len(apply_evidence(mailing_id=mailing_id)) for mailing_id in list(ids))


def apply_evidence(*, mailing_id: int) -> set[int]:
    """Settle by the evidence that is kept of one mailing; returns their seqs. In flight: later. Settled otherwise: it is let go."""
    with transaction.atomic(), connection.cursor() as cursor:
        row = Mailing.objects.select_for_update().filter(pk=mailing_id).first()
        cursor.execute(
            f"""
            SELECT e.seq, e.source, coalesce({_WAS_TRIED}, false), d.state = 'in_flight' FROM campaigns_deliveryevidence e
              LEFT JOIN delivery d ON d.mailing_id = e.mailing_id AND d.seq = e.seq WHERE e.mailing_id = %s""",
            [mailing_id],
        )
        kept = cursor.fetchall()
        seqs = sorted(seq for seq, _source, waits, flies in kept if waits and not flies)
        settled: list[int] = _accept(cursor, row, seqs) if row and seqs else []
        over = [seq for seq, _source, waits, _flies in kept if not waits]
        cursor.execute(
            "DELETE FROM campaigns_deliveryevidence WHERE mailing_id = %s AND seq = ANY (%s)",
            [mailing_id, settled + over],
        )
        sources = Counter(source for seq, source, _waits, _flies in kept if seq in set(settled))
        for source, n in sorted(sources.items()):
            by = DeliveryEvidence.Source(source).label
            record(
                verb="mailing.uncertain_settled",
                target=row,
                summary=_("By the %(source)s: %(n)s") % {"source": by, "n": n},
            )
    return set(settled)


def _accept(cursor: Any, row: Mailing, seqs: list[int]) -> list[int]:
    """The caller holds the mailing. A chunk's lock comes before those of its rows, as with a worker that ends one."""
    values = {"mailing": row.pk, "seqs": seqs}
    cursor.execute(LOCK_CHUNKS, values)
    cursor.execute(
        f"""
        UPDATE delivery d SET state = 'accepted', settled_at = now(),
               reply_text = CASE e.source WHEN 'log' THEN %(log)s ELSE %(service)s END || ': ' || e.text
          FROM campaigns_deliveryevidence e
         WHERE e.mailing_id = %(mailing)s AND e.seq = ANY (%(seqs)s::int[])
           AND d.mailing_id = %(mailing)s AND d.seq = e.seq AND d.seq = ANY (%(seqs)s::int[])
           AND d.state <> 'in_flight' AND {_WAS_TRIED} RETURNING d.seq""",
        {**values, "log": _("mail server’s log"), "service": _("mailing service")},
    )
    settled = [seq for (seq,) in cursor.fetchall()]
    if settled:
        _recount(cursor, row.pk, settled)
        cursor.execute(ROLL_UP, {"mailing": row.pk, "seqs": settled})
    return settled


def uncertain_count() -> int:
    """How many wait for evidence or a person, by the counts of the chunks: no look at the ledger, which may be large."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum((counts->>'uncertain')::bigint), 0) FROM campaigns_deliverychunk")
        return int(cursor.fetchone()[0])


def word_of(text: str) -> Word:
    """A posted word; Invalid for any other."""
    if text not in Word.values:
        raise Invalid(_("Say whether they arrived, did not arrive, or are to be sent again."))
    return Word(text)


def sentence(n: int) -> str:
    if not n:
        return _("They were settled already. Nothing was changed.")
    return ngettext("%(n)s uncertain delivery is settled.", "%(n)s uncertain deliveries are settled.", n) % {"n": n}
