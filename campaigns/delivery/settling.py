"""What is said of uncertain deliveries: sent once by a worker that died before the answer came.

Evidence is outside of Groundswell. The mail server's log is read where it is given (`settle_by_log`), and what a mailing service
tells of a message (`settle_by_event`); of the rest a person says that it arrived, that it did not, or that it is to be sent
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
from campaigns.delivery.models import Delivery, Outcome
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP
from campaigns.delivery.waking import wake
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked, move
from campaigns.mailings.states import State
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
# an erasure blanked the address; a withdrawal cancels what waits, and this did not wait
_MAY_BE_WRITTEN_TO = """
   AND d.address <> '' AND NOT EXISTS (
       SELECT 1 FROM contacts_consentstate k WHERE k.topic_id = %(topic)s AND k.channel = 'email' AND NOT k.is_granted
          AND k.subject_uid = CASE WHEN d.person_id IS NOT NULL THEN (SELECT p.uid FROM contacts_person p WHERE p.id = d.person_id)
                                   ELSE (SELECT o.uid FROM contacts_organization o WHERE o.id = d.organization_id) END)"""


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
            _BY_WORD.format(may=_MAY_BE_WRITTEN_TO if word == Word.AGAIN else ""),
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


def _recount(cursor: Any, mailing_id: int, seqs: list[int], *, again: bool = False) -> None:
    """Count the chunks of `seqs` anew. again: they are open, and what counted for its people does not count a second time.

    Else `seqs` were accepted, or not: the caller rolls up those that were, and a chunk that is open must not do so once more.
    """
    chunks = (
        " WHERE k.mailing_id = %(mailing)s"
        " AND EXISTS (SELECT 1 FROM unnest(%(seqs)s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq)"
    )
    values = {"again": again, "mailing": mailing_id, "seqs": seqs}
    # first the lock: a worker that ends one of them meanwhile has then said what it rolled up
    cursor.execute(f"SELECT 1 FROM campaigns_deliverychunk k{chunks} ORDER BY k.first_seq FOR UPDATE", values)
    cursor.execute(
        f"""
        UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}), is_done = k.is_done AND NOT %(again)s,
               due_at = CASE WHEN %(again)s THEN now() ELSE k.due_at END,
               rolled_seqs = CASE WHEN %(again)s AND k.is_done THEN ({_ACCEPTED})
                                  WHEN %(again)s OR k.is_done THEN k.rolled_seqs
                                  ELSE coalesce(k.rolled_seqs, '{{}}') || ({_ACCEPTED} AND d.seq = ANY (%(seqs)s)) END
        {chunks}""",
        values,
    )
    # the feed looks at no chunk of a mailing that ended an hour ago; this one changed
    cursor.execute(
        "UPDATE campaigns_deliveryplace SET is_closed = false WHERE mailing_id = %s AND is_closed", [mailing_id]
    )


def settle_by_log(*, traces: Mapping[tuple[UUID, int], Trace]) -> dict[str, int]:
    """Settle uncertain deliveries of which a mail server's log has a trace; returns how many had which status.

    The relay had taken them, so they are accepted. Of one that it then gave back, the bounce comes by mail as of any other.
    What is settled is left alone, so the same log twice does nothing twice.
    """
    by_mailing: dict[UUID, dict[int, Trace]] = {}
    for (uid, seq), trace in traces.items():
        by_mailing.setdefault(uid, {})[seq] = trace
    found: Counter[str] = Counter()
    for mailing in Mailing.objects.filter(uid__in=by_mailing).order_by("pk"):
        found.update(_settle_traced(mailing, by_mailing[mailing.uid], by=_("mail server’s log")))
    return dict(found)


def settle_by_event(*, delivery: Delivery, kind: str) -> bool:
    """A mailing service told something of a message whose answer nobody heard: so it had taken it. False when nobody waits."""
    mailing = Mailing.objects.filter(pk=delivery.mailing_id).first() if delivery.state == Outcome.UNCERTAIN else None
    return bool(mailing and _settle_traced(mailing, {delivery.seq: Trace(kind, "", "")}, by=_("mailing service")))


def _settle_traced(mailing: Mailing, traces: dict[int, Trace], *, by: str) -> Counter[str]:
    seqs = sorted(traces)
    texts = [f"{by}: {trace.status} {trace.said}".strip() for trace in (traces[seq] for seq in seqs)]
    with transaction.atomic(), connection.cursor() as cursor:
        row = locked(mailing)
        cursor.execute(
            """
            UPDATE delivery d SET state = 'accepted', reply_text = t.text, settled_at = now()
              FROM unnest(%s::int[], %s::text[]) AS t(seq, text)
             WHERE d.mailing_id = %s AND d.seq = t.seq AND d.state = 'uncertain' RETURNING d.seq""",
            [seqs, [text[:300] for text in texts], row.pk],
        )
        settled = [seq for (seq,) in cursor.fetchall()]
        if settled:
            _recount(cursor, row.pk, settled)
            cursor.execute(ROLL_UP, {"mailing": row.pk, "seqs": settled})
            record(
                verb="mailing.uncertain_settled",
                target=row,
                summary=_("By the %(source)s: %(n)s") % {"source": by, "n": len(settled)},
            )
    return Counter(traces[seq].status for seq in settled)


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
