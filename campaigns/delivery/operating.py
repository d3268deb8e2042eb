"""The Sending page: what goes out now and how fast, what waits and why, and whether everything that mail needs is alive."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from campaigns.delivery.breaker import is_open
from campaigns.delivery.metrics import oldest_due_seconds
from campaigns.delivery.models import AuditNight
from campaigns.delivery.nightly import LATE, last_night
from campaigns.delivery.queries import Progress, progress_of
from campaigns.domains import warmup
from campaigns.domains.presenting import Checked, checked_of
from campaigns.domains.services import domain_of
from campaigns.engagement import alive
from campaigns.engagement.spool import waiting_files
from campaigns.esp.queries import events_waiting
from campaigns.limits.models import DomainRest
from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.presenting import colour
from campaigns.mailings.queries import transports_in_use
from campaigns.mailings.states import State
from campaigns.outreach.inboxes import Standing, standings
from campaigns.outreach.models import InboundMessage
from crm import broker, heartbeat
from crm.accounts.models import User
from crm.patience import TookTooLong, statements_within
from crm.ui import formats

UNDER_WAY = (State.SENDING, State.PAUSED, State.FREEZING, State.HELD)
SHOWN, DOMAINS = 50, 20
DEFERRED_MS = 1_000
# Beat asks for a sweep every ten seconds, and workers give a sign every five.
LATE_SECONDS, SILENT_SECONDS = 45, 30
# Work that has waited so long is not merely the next in turn.
WAITING_SECONDS, LONG_SECONDS = 30, 300

_DEFERRED = """
SELECT split_part(d.address_key, '@', 2) AS domain, count(*), max(d.attempts), min(r.due_at),
       mode() WITHIN GROUP (ORDER BY d.reply_code), mode() WITHIN GROUP (ORDER BY left(d.reply_text, 300))
  FROM campaigns_deliveryretry r JOIN delivery d ON d.mailing_id = r.mailing_id AND d.seq = r.seq
 WHERE r.mailing_id = ANY (%s) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s"""


@dataclass(frozen=True)
class Going:
    """A mailing under way. progress: None while nothing of it is frozen."""

    mailing: Mailing
    progress: Progress | None
    colour: str
    warmup: warmup.Standing | None = None


@dataclass(frozen=True)
class Road:
    """A transport, and what of the mailings shown waits for it."""

    transport: Transport
    mailings: int
    queue: int
    per_second: float
    is_open: bool


@dataclass(frozen=True)
class Deferred:
    """Messages to one domain that will be tried again, with the reply that most of them got."""

    domain: str
    count: int
    attempts: int
    next_at: datetime
    code: int | None
    reply: str


@dataclass(frozen=True)
class Sign:
    """One thing that must be alive, in words. kind: ok, warn or bad."""

    title: str
    words: str
    kind: str = "ok"
    why: str = ""


@dataclass(frozen=True)
class Wrong:
    """What did not add up in the last audit: mailings that the user may see, with sentences; `others` are out of sight."""

    night: AuditNight
    mailings: list[tuple[Mailing, list[str]]]
    others: int


@dataclass(frozen=True)
class Sending:
    """All that the page shows. deferred: None when counting them took too long."""

    going: list[Going]
    roads: list[Road]
    deferred: list[Deferred] | None
    signs: list[Sign]
    domains: list[tuple[Sender, Checked]]
    wrong: Wrong | None
    rests: list[DomainRest]

    @property
    def troubles(self) -> list[Sign]:
        return [sign for sign in self.signs if sign.kind == "bad"]


def sending_now(user: User, *, now: datetime | None = None) -> Sending:
    """What of it the user may see: their mailings, all transports, and the machinery."""
    moment = now or timezone.now()
    rows = list(
        Mailing.objects.visible_to(user)
        .filter(state__in=UNDER_WAY)
        .select_related("drive", "transport", "sender")
        .order_by("-started_at", "-pk")[:SHOWN]
    )
    found = progress_of(rows, now=moment)
    domains = {row.pk: domain_of(row.sender.email) if row.sender else "" for row in rows}
    warm = warmup.standings(domains.values(), now=moment)
    going = [Going(row, found.get(row.pk), colour(row.state), warm.get(domains[row.pk])) for row in rows]
    transports = list(transports_in_use())
    return Sending(
        going,
        _roads(transports, going, moment),
        _deferred([row.pk for row in rows]),
        signs(now=moment),
        checked_of(transports=transports)[:DOMAINS],
        _wrong(user),
        list(DomainRest.objects.filter(until__gt=moment).order_by("until", "pk")[:DOMAINS]),
    )


def _wrong(user: User) -> Wrong | None:
    night = last_night()
    if night is None or not night.problems:
        return None
    told = {row["mailing"]: row["sentences"] for row in night.problems}
    rows = Mailing.objects.visible_to(user).filter(pk__in=told).order_by("-pk")
    seen = [(row, told[row.pk]) for row in rows]
    return Wrong(night, seen[:SHOWN], len(told) - len(seen))


def _roads(transports: Iterable[Transport], going: Iterable[Going], moment: datetime) -> list[Road]:
    """A mailing without a transport of its own goes by the default one."""
    roads = []
    for transport in transports:
        mine = [
            one
            for one in going
            if one.mailing.transport_id == transport.pk or (one.mailing.transport_id is None and transport.is_default)
        ]
        moving = [one.progress for one in mine if one.progress and one.mailing.state == State.SENDING]
        roads.append(
            Road(
                transport=transport,
                mailings=len(mine),
                queue=sum(one.left for one in moving),
                per_second=sum(one.per_second or 0 for one in moving),
                is_open=is_open(transport, moment),
            )
        )
    return roads


def _deferred(mailing_ids: list[int]) -> list[Deferred] | None:
    try:
        with statements_within(DEFERRED_MS) as cursor:
            cursor.execute(_DEFERRED, [mailing_ids, DOMAINS])
            return [
                Deferred(domain, count, attempts, due_at, code, reply)
                for domain, count, attempts, due_at, code, reply in cursor.fetchall()
            ]
    except TookTooLong:
        return None


def signs(*, now: datetime | None = None) -> list[Sign]:
    """Scheduler, workers, their queues, the tracker, and the backlogs of the inbox and of what mailing services told."""
    moment = now or timezone.now()
    return [
        _asked(_scheduler, _("Scheduler")),
        _asked(_workers, _("Workers")),
        _queue(),
        _tracker(),
        _inbox(moment),
        *_services(moment),
        *_audit(moment),
    ]


def _audit(moment: datetime) -> list[Sign]:
    """Last night's audit of all mailings; nothing where there was no night yet."""
    night = last_night()
    if night is None or night.finished_at is None:
        return []
    title = _("Last night’s audit")
    if night.problems:
        words = ngettext("%(n)s mailing does not add up", "%(n)s mailings do not add up", len(night.problems))
        return [Sign(title, words % {"n": len(night.problems)}, "bad", _("Which, and what is wrong, stands below."))]
    words = ngettext("%(n)s mailing, it adds up", "%(n)s mailings, all add up", night.mailings)
    words %= {"n": formats.number(night.mailings)}
    if moment - night.finished_at > LATE:
        why = _("It was on %(day)s, and none came to its end since: look at “beat” and at the worker of jobs.")
        return [Sign(_("Last audit"), words, "warn", why % {"day": formats.long_day(night.day)})]
    return [Sign(title, words)]


def _asked(sign: Callable[[str], Sign], title: str) -> Sign:
    """What Valkey knows; when it does not answer, that is the sign."""
    try:
        return sign(title)
    except (RedisError, OSError):
        return Sign(
            title,
            _("not known"),
            "bad",
            _("Valkey does not answer. Mailings that run go on slowly; nothing is lost, and it catches up by itself."),
        )


def _scheduler(title: str) -> Sign:
    age = heartbeat.age("sweep")
    if age is None or age > LATE_SECONDS:
        words = _("has not gone round for a week") if age is None else _ago(age)
        return Sign(title, words, "bad", _("Start “beat” and a worker: without them nothing scheduled begins."))
    return Sign(title, _ago(age))


def _workers(title: str) -> Sign:
    found = broker.workers()
    alive = [name for name, age in found.items() if age <= SILENT_SECONDS]
    silent = [f"{name} ({formats.duration(age)})" for name, age in found.items() if age > SILENT_SECONDS]
    if not alive:
        return Sign(title, _("none answers"), "bad", _("Start a worker: mail waits in the ledger until one is there."))
    words = ngettext("%(n)s listens", "%(n)s listen", len(alive)) % {"n": len(alive)}
    if silent:
        return Sign(
            title, words, "warn", _("Silent without having ended: %(names)s.") % {"names": formats.listing(silent)}
        )
    return Sign(title, words, why=formats.listing(alive))


def _queue() -> Sign:
    """How long the oldest piece of work that could be done has waited for a worker."""
    waited = oldest_due_seconds()
    title = _("Work that is due")
    if waited <= WAITING_SECONDS:
        return Sign(title, _("taken at once"))
    kind = "bad" if waited > LONG_SECONDS else "warn"
    why = _("More is due than the workers manage, or a mail server is slow.")
    return Sign(title, _("the oldest waits %(time)s") % {"time": formats.duration(waited)}, kind, why)


def _tracker() -> Sign:
    """Whether `track` lives, and what it wrote down and nobody took in yet."""
    folder, title = settings.SPOOL_DIR / "hits", _("Tracker")
    age = alive.age(settings.SPOOL_DIR)
    if (age is None and folder.is_dir()) or (age is not None and age > SILENT_SECONDS):
        words = _("gives no sign") if age is None else _("silent for %(time)s") % {"time": formats.duration(age)}
        why = _("Start “track”: until then links in mail lead nowhere, and one-click unsubscribes are not taken.")
        return Sign(title, words, "bad", why)
    return _backlog(
        title,
        None if age is None else _oldest(waiting_files(folder)),
        _("Clicks and opens are kept on disk and counted when the worker takes them in."),
    )


def _oldest(files: Iterable[Path]) -> tuple[int, float]:
    """How many, and the age of the oldest in seconds."""
    times = []
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # taken in this very moment
            times.append(path.stat().st_mtime)
    return len(times), max(0.0, time.time() - min(times)) if times else 0.0


def _inbox(moment: datetime) -> Sign:
    found = InboundMessage.objects.filter(state=InboundMessage.State.NEW).aggregate(
        n=Count("pk"), first=Min("received_at")
    )
    age = (moment - found["first"]).total_seconds() if found["first"] else 0.0
    sign = _backlog(
        _("Inbox"), (found["n"], age), _("Bounces and replies are kept and read when the worker comes to them.")
    )
    return _with_mailboxes(sign, standings(now=moment))


def _services(moment: datetime) -> list[Sign]:
    """What mailing services told and nobody looked at yet; nothing where there is no service."""
    if not Transport.objects.filter(kind=Transport.Kind.SERVICE).exists():
        return []
    found, title = events_waiting(), _("Events of mailing services")
    age = (moment - found.first).total_seconds() if found.first else 0.0
    sign = _backlog(title, (found.new, age), _("They are kept and followed when the worker comes to them."))
    if not found.failed or sign.kind == "bad":
        return [sign]
    words = ngettext("%(n)s could not be handled", "%(n)s could not be handled", found.failed)
    why = _("They are kept: the page of the service in Settings, Transports says why, and has them tried again.")
    return [Sign(title, words % {"n": formats.number(found.failed)}, "warn", why)]


def _with_mailboxes(sign: Sign, found: list[Standing]) -> Sign:
    """The inbox, and the worst of the mailboxes that are read for it where that is worse."""
    ranks = {"ok": 0, "warn": 1, "bad": 2}
    worst = max(found, key=lambda one: ranks[one.kind], default=None)
    if worst is None or ranks[worst.kind] < ranks[sign.kind] or (worst.kind == "ok" and sign.why):
        return sign
    if worst.kind == "ok":
        names = [_("“%(name)s” %(words)s") % {"name": one.inbox.name, "words": one.words} for one in found]
        return Sign(sign.title, sign.words, why=formats.listing(names))
    words = _("“%(name)s” %(words)s") % {"name": worst.inbox.name, "words": worst.words}
    return Sign(sign.title, words, worst.kind, worst.why)


def _backlog(title: str, found: tuple[int, float] | None, why: str) -> Sign:
    if found is None:
        return Sign(title, _("not seen from here"), why=_("It runs on another machine; look at its own metrics."))
    count, age = found
    if not count or age <= WAITING_SECONDS:
        return Sign(title, _("nothing waits") if not count else _("keeps up"))
    words = ngettext("%(n)s waits, since %(time)s", "%(n)s wait, the oldest since %(time)s", count)
    kind = "bad" if age > LONG_SECONDS else "warn"
    return Sign(title, words % {"n": formats.number(count), "time": formats.duration(age)}, kind, why)


def _ago(seconds: float) -> str:
    return _("went round %(time)s ago") % {"time": formats.duration(seconds)}
