"""Mailboxes that are read over IMAP: set up, tried, and read in rounds of which each can be killed anywhere.

A message is filed and committed before the server is told to mark or move it, and the place reached is written down last. So
a round that dies reads some messages again, and filing knows them by their bytes.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.oauth.consent import carry_tokens
from campaigns.outreach import imap
from campaigns.outreach.envelopes import find_envelope
from campaigns.outreach.models import Inbox
from campaigns.outreach.services import take_in
from crm.accounts.models import User
from crm.audit.services import Change, record
from crm.errors import Invalid, Unavailable
from crm.ui import formats

logger = logging.getLogger(__name__)
BATCH = 200  # messages of one round
SECONDS = 30  # after which a round takes no further message; a task has 60
LEASE = timedelta(seconds=120)  # longer than a task can live
LONGEST_WAIT = timedelta(
    hours=1
)  # between two tries of a mailbox that cannot be read: a wrong password must not lock it
OVERLAP = timedelta(days=2)  # looked at again when a folder was made anew and its numbers mean nothing any more
DOTS = "•••"
FIELDS = (
    "name", "host", "port", "security", "user", "folder", "after", "move_to",
    "sign_in", "token_service", "token_grant", "token_url", "consent_url", "client_id", "scope",
)  # fmt: skip
SECRETS = ("password", "client_secret")


# --- set up -------------------------------------------------------------------------------------------------------------
def save_inbox(*, inbox: Inbox, actor: User) -> Inbox:
    """Create or change a mailbox. One that leads elsewhere is read from its beginning."""
    try:
        with transaction.atomic():
            before = Inbox.objects.select_for_update().filter(pk=inbox.pk).first()
            if before is None or any(
                getattr(before, name) != getattr(inbox, name) for name in ("host", "port", "user", "folder")
            ):
                inbox.uidvalidity, inbox.last_uid, inbox.left, inbox.oldest_left_at = 0, 0, 0, None
            inbox.failures, inbox.failing_since, inbox.last_error, inbox.due_at = 0, None, "", None
            inbox.token, inbox.lease_until = None, None  # a round under way writes nothing more down
            carry_tokens(inbox, before)
            inbox.save()
            changes: list[Change] = [(name, getattr(before, name, None), getattr(inbox, name)) for name in FIELDS]
            for name in SECRETS:
                if before and getattr(before, name) != getattr(inbox, name):
                    changes.append((name, DOTS, _("%(dots)s (another one)") % {"dots": DOTS}))
            verb = "inbox.edited" if before else "inbox.created"
            record(verb=verb, target=inbox, actor=actor, changes=[c for c in changes if c[1] != c[2]])
    except IntegrityError:
        raise Invalid(_("There is a mailbox with this name already."), code="inbox_exists") from None
    return inbox


def archive_inbox(*, inbox: Inbox, actor: User) -> None:
    """Read it no more; what was filed stays. Pressed twice, done once."""
    _set_archived(inbox, actor, timezone.now())


def restore_inbox(*, inbox: Inbox, actor: User) -> None:
    _set_archived(inbox, actor, None)


def _set_archived(inbox: Inbox, actor: User, at: datetime | None) -> None:
    with transaction.atomic():
        row = Inbox.objects.select_for_update().get(pk=inbox.pk)
        if bool(row.archived_at) == bool(at):
            return
        before, row.archived_at, row.due_at = row.archived_at, at, None
        row.save(update_fields=["archived_at", "due_at", "updated_at"])
        verb = "inbox.archived" if at else "inbox.restored"
        record(verb=verb, target=row, actor=actor, changes=[("archived_at", before, at)])


def try_inbox(inbox: Inbox) -> str:
    """Sign in, look and change nothing; what was found, as a sentence. Unavailable when it does not work."""
    with imap.opened(inbox, again=True) as mailbox:
        folder = mailbox.select(inbox.folder, read_only=True)
        waiting = len(_waiting(inbox, mailbox, folder))
        moves = inbox.after == Inbox.After.MOVE
        is_there = not moves or mailbox.has_folder(inbox.move_to)
    found = ngettext(
        "%(where)s lets us in%(secure)s. “%(folder)s” holds %(n)s message,",
        "%(where)s lets us in%(secure)s. “%(folder)s” holds %(n)s messages,",
        folder.count,
    ) % {
        "where": mailbox.where,
        "secure": _(", without encryption") if inbox.security == Inbox.Security.NONE else _(", over TLS"),
        "folder": inbox.folder,
        "n": formats.number(folder.count),
    }
    rest = _("%(n)s of them not read yet. Nothing was changed.") % {"n": formats.number(waiting)}
    made = "" if is_there else " " + _("The folder “%(folder)s” will be made.") % {"folder": inbox.move_to}
    return f"{found} {rest}{made}"


# --- read ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Round:
    """What one round did. is_over: nothing more is known to wait, or nothing can be done about it now."""

    filed: int
    is_over: bool


def claim(*, inbox_id: int, now: datetime | None = None) -> Inbox | None:
    """Take a mailbox for one round; None when somebody else has it, or it is not due."""
    moment = now or timezone.now()
    taken = Inbox.objects.due(moment).filter(pk=inbox_id).update(token=uuid.uuid4(), lease_until=moment + LEASE)
    return Inbox.objects.get(pk=inbox_id) if taken else None


def read_inbox(*, inbox_id: int, seconds: float = SECONDS) -> Round | None:
    """One bounded round over one mailbox; None when it is not ours to read now. What the server does wrong is written down."""
    inbox = claim(inbox_id=inbox_id)
    if inbox is None:
        return None
    try:
        with imap.opened(inbox) as mailbox:
            return _round(inbox, mailbox, until=time.monotonic() + seconds)
    except Unavailable as error:
        _failed(inbox, error.message)
    except (TypeError, ValueError, LookupError, AttributeError) as error:  # imaplib, on an answer that is no IMAP
        logger.exception("inbox %s gave an answer that cannot be read", inbox.pk)
        _failed(inbox, _("The server gave an answer that is no IMAP (%(error)s).") % {"error": type(error).__name__})
    return Round(0, True)


def _round(inbox: Inbox, mailbox: imap.Mailbox, *, until: float) -> Round:
    folder = mailbox.select(inbox.folder)
    waiting = _waiting(inbox, mailbox, folder)
    if inbox.uidvalidity != folder.uidvalidity and not _keep(inbox, uidvalidity=folder.uidvalidity, last_uid=0):
        return Round(0, True)
    filed = reached = 0
    for uid in waiting[:BATCH]:
        if time.monotonic() > until:
            break
        filed += _take(inbox, mailbox, uid)
        reached += 1
        if not _keep(inbox, last_uid=max(uid, inbox.last_uid)):
            return Round(filed, True)  # it was set up anew meanwhile; that reading begins by itself
    left = waiting[reached:]
    oldest = mailbox.date_of(left[0]) if left else None
    _keep(
        inbox, last_read_at=timezone.now(), last_count=filed, left=len(left), oldest_left_at=oldest,
        failures=0, failing_since=None, last_error="", due_at=None, token=None, lease_until=None,
    )  # fmt: skip
    return Round(filed, not left)


def _waiting(inbox: Inbox, mailbox: imap.Mailbox, folder: imap.Folder) -> list[int]:
    """What to read. A folder that is emptied holds new messages only; else they are those behind the last one read.

    Where the folder was made anew its numbers say nothing: then what came since the last round, and what nobody has seen.
    """
    if inbox.after == Inbox.After.SEEN and inbox.last_uid and inbox.uidvalidity == folder.uidvalidity:
        # "n:*" names the last message also where its number is smaller
        found = mailbox.search("UNDELETED", "UID", f"{inbox.last_uid + 1}:*")
        return [uid for uid in found if uid > inbox.last_uid]
    if inbox.after == Inbox.After.SEEN and inbox.last_read_at and inbox.uidvalidity:
        since = imap.search_date((inbox.last_read_at - OVERLAP).date())
        return mailbox.search("UNDELETED", "OR", "UNSEEN", "SINCE", since)
    return mailbox.search("UNDELETED")


def _take(inbox: Inbox, mailbox: imap.Mailbox, uid: int) -> bool:
    """File one message, then mark it. False when it vanished: somebody moved or deleted it."""
    found = mailbox.fetch(uid)
    if found is None:
        return False
    envelope = find_envelope(found.raw)
    take_in(raw=found.raw, recipient=envelope.recipient or inbox.user, sender=envelope.sender, at=found.at)
    if inbox.after == Inbox.After.MOVE:
        mailbox.move(uid, inbox.move_to)
    else:
        mailbox.mark_seen(uid)
    return True


def _keep(inbox: Inbox, **values: Any) -> bool:
    """Write down where reading stands, as long as the claim is ours."""
    rows = Inbox.objects.filter(pk=inbox.pk, token=inbox.token).update(**values, updated_at=timezone.now())
    for name, value in values.items():
        setattr(inbox, name, value)
    return bool(rows)


def _failed(inbox: Inbox, why: str) -> None:
    now = timezone.now()
    logger.warning("inbox %s cannot be read: %s", inbox.pk, why)
    failures = min(inbox.failures + 1, 30_000)
    wait = min(timedelta(minutes=1) * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    _keep(
        inbox, failures=failures, failing_since=inbox.failing_since or now, last_error=why[:300], due_at=now + wait,
        token=None, lease_until=None,
    )  # fmt: skip


# --- said ---------------------------------------------------------------------------------------------------------------
LATE = timedelta(minutes=5)


@dataclass(frozen=True)
class Standing:
    """How reading a mailbox stands, in words. kind: ok, warn or bad."""

    inbox: Inbox
    kind: str
    words: str
    why: str = ""


def standing_of(inbox: Inbox, *, now: datetime | None = None) -> Standing:
    moment = now or timezone.now()
    if inbox.failures:
        since = inbox.failing_since or moment
        kind = "bad" if moment - since > LATE or inbox.last_read_at is None else "warn"
        words = _("cannot be read since %(time)s") % {"time": formats.duration((moment - since).total_seconds())}
        return Standing(inbox, kind, words, inbox.last_error)
    if inbox.last_read_at is None:
        return Standing(inbox, "warn", _("not read yet"), _("A worker reads it within a minute."))
    ago = (moment - inbox.last_read_at).total_seconds()
    if ago > LATE.total_seconds():
        words = _("not read for %(time)s") % {"time": formats.duration(ago)}
        return Standing(inbox, "bad", words, _("Start “beat” and a worker."))
    if inbox.left:
        words = ngettext("%(n)s message to read", "%(n)s messages to read", inbox.left) % {
            "n": formats.number(inbox.left)
        }
        oldest, lag = inbox.oldest_left_at, ""
        if oldest:
            lag = _("The oldest came %(time)s ago.") % {"time": formats.duration((moment - oldest).total_seconds())}
        return Standing(inbox, "warn", words, lag)
    return Standing(inbox, "ok", _("read %(time)s ago") % {"time": formats.duration(ago)})


def standings(*, now: datetime | None = None) -> list[Standing]:
    return [standing_of(inbox, now=now) for inbox in Inbox.objects.in_use()]
