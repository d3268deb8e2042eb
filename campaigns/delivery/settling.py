"""What a person says of uncertain deliveries: sent once by a worker that died before the answer came.

Evidence is outside of Groundswell (the mail server's log, a call), so a person gives it: it arrived, it did not, or it is to
be sent again under the same Message-ID.
"""

from __future__ import annotations

from django.db import connection, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery.ledger import CHUNK_COUNTS, ROLL_UP
from campaigns.delivery.models import Outcome
from campaigns.delivery.waking import wake
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked
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


_STATES = {Word.ARRIVED: Outcome.ACCEPTED, Word.LOST: Outcome.FAILED, Word.AGAIN: Outcome.PENDING}


def settle_uncertain(*, mailing: Mailing, actor: User, word: Word, seqs: list[int] | None = None) -> int:
    """Settle uncertain deliveries of a mailing, all or those with these `seqs`; returns how many were.

    Those that are settled already are left alone, so a second click does nothing twice. AGAIN needs a mailing that still
    sends (or is paused), else WrongState; a scope that does not reach all countries of the mailing is NotAllowed.
    """
    if not Mailing.objects.visible_to(actor, Action.SEND).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow this for this mailing. An administrator can change it."))
    codes = actor.scope(Action.SEND).countries
    with transaction.atomic(), connection.cursor() as cursor:
        row = locked(mailing)
        if word == Word.AGAIN and row.state not in (State.SENDING, State.PAUSED):
            raise WrongState(
                _(
                    "“%(name)s” does not send any more. Say whether they arrived, and write to those again who got nothing."
                )
                % {"name": row.name},
                state=row.state,
            )
        cursor.execute(
            """
            UPDATE delivery d SET state = %(state)s, reply_text = %(text)s,
                   settled_at = CASE WHEN %(state)s = 'pending' THEN NULL ELSE now() END
             WHERE d.mailing_id = %(mailing)s AND d.state = 'uncertain' AND (%(seqs)s::int[] IS NULL OR d.seq = ANY (%(seqs)s::int[]))
               AND (%(codes)s::text[] IS NULL OR d.country_code = ANY (%(codes)s::text[]))
            RETURNING d.seq""",
            {
                "state": _STATES[word].value,
                "text": _("%(who)s: %(word)s") % {"who": actor.name[:200], "word": word.label},
                "mailing": row.pk,
                "seqs": seqs,
                "codes": None if codes is None else list(codes),
            },
        )
        settled = [seq for (seq,) in cursor.fetchall()]
        if not settled:
            return 0
        cursor.execute(
            f"""
            UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}), is_done = k.is_done AND NOT %(again)s,
                   due_at = CASE WHEN %(again)s THEN now() ELSE k.due_at END
             WHERE k.mailing_id = %(mailing)s
               AND EXISTS (SELECT 1 FROM unnest(%(seqs)s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq)""",
            {"again": word == Word.AGAIN, "mailing": row.pk, "seqs": settled},
        )
        if word == Word.ARRIVED:
            cursor.execute(ROLL_UP, {"mailing": row.pk, "seqs": settled})
        record(
            verb="mailing.uncertain_settled",
            target=row,
            actor=actor,
            summary=_("%(word)s: %(n)s") % {"word": word.label.capitalize(), "n": len(settled)},
            changes=[("uncertain", len(settled), 0)] if seqs is None else [],
        )
        if word == Word.AGAIN and row.state == State.SENDING:
            transaction.on_commit(lambda: wake(row.pk))
    return len(settled)


def word_of(text: str) -> Word:
    """A posted word; Invalid for any other."""
    if text not in Word.values:
        raise Invalid(_("Say whether they arrived, did not arrive, or are to be sent again."))
    return Word(text)


def sentence(n: int) -> str:
    if not n:
        return _("They were settled already. Nothing was changed.")
    return ngettext("%(n)s uncertain delivery is settled.", "%(n)s uncertain deliveries are settled.", n) % {"n": n}
