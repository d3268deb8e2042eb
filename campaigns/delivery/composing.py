"""One delivery as the bytes that leave: what is frozen with the mailing, rendered with the delivery's copy of the fields."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from campaigns.delivery.addresses import MailingAddresses, in_ascii, is_reserved
from campaigns.delivery.pacing import Bucket
from campaigns.delivery.smtp import Client, Server
from campaigns.domains.models import SendingDomain
from campaigns.domains.services import domain_of
from campaigns.domains.warmup import Today, today_of
from campaigns.engagement.links import MailingLinks, StraightLinks
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.client import ServiceClient, lanes_of, shared_calls
from campaigns.esp.handing import backend_of
from campaigns.files.storage import read
from campaigns.limits.queries import Rest, recipient_rates, rests_of
from campaigns.mailings.bound import bound_to
from campaigns.mailings.compiling import load_content
from campaigns.mailings.content import TRAP_NUMBER, CompiledVariant
from campaigns.mailings.enclosures import enclosures_of, tail_of
from campaigns.mailings.mime import fold, is_plain
from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.references import Stem, frozen_stem
from campaigns.mailings.rendering import Recipient
from campaigns.safety.models import SafetyLimits


class Made(NamedTuple):
    """A message and its envelope's sender, or what the renderer raised. `date`: its Date, to the second."""

    date: datetime
    sender: str
    message: bytes
    error: Exception | None = None


@dataclass(slots=True)
class Item:
    """One delivery on its way. `was`: the state in which it was claimed; `claim`: the chunk or retry that holds it."""

    seq: int
    address: str
    address_key: str
    variant_id: int
    fields: dict[str, Any]
    is_tracked: bool
    first_attempt_at: datetime | None
    attempts: int
    was: str
    claim: Any
    is_cleared: bool = False  # its tokens are taken: it was set aside for them
    is_intended: bool = False  # the ledger was asked whether its dot may leave
    made: Made | None = None  # ahead of its turn, with others

    @property
    def is_given_back(self) -> bool:
        """Whether its claim is not ours any more: whoever holds it sends it."""
        return bool(self.claim is not None and self.claim.is_given_back)

    @property
    def recipient(self) -> str:
        """The envelope's recipient: the local part as written, the domain as it is looked up."""
        return f"{self.address.rpartition('@')[0]}@{self.address_key.rpartition('@')[2]}"


class OwnAddresses:
    """A variant's own addresses, made as they stand in a quoted-printable body: they need no encoder, and each is made once."""

    def __init__(self, links: MailingLinks, fixed: Mapping[int, str]) -> None:
        self._head, self._opens, self._unsubscribes = links.head, links.opens(), links.unsubscribes()
        self._clicks = [(number, make) for number, url in fixed.items() if (make := links.clicks(number, url))]
        self._trap = links.clicks(TRAP_NUMBER, settings.BASE_URL)

    def of(self, seq: int, is_tracked: bool, fields: Mapping[str, Any]) -> tuple[str, dict[Any, Any]]:
        """The unsubscribe address, and the values that a skeleton takes: fields, and addresses by name or number."""
        one = self._head(seq)
        head = one if is_tracked else self._head(None)
        address = self._unsubscribes(one)
        unsubscribe = fold(address)
        values: dict[Any, Any] = {
            **fields,
            "unsubscribe_url": unsubscribe,
            "preferences_url": unsubscribe,
            "open_url": fold(self._opens(head)),
            "trap_url": fold(self._trap(head)) if self._trap else "",
        }
        for number, make in self._clicks:
            values[number] = fold(make(head))
        return address.decode(), values


def _no_other(number: int, values: Mapping[str, Any]) -> str:
    raise KeyError(number)


@dataclass(frozen=True)
class Plan:
    """All that is the same for every message of a mailing; read once by a task."""

    mailing_id: int
    uid: UUID
    variants: dict[int, CompiledVariant]
    sender: tuple[str, str]
    list_id: str
    feedback_id: str
    transport_id: int
    is_local: bool
    connect: Callable[[], Client]  # a new connection of this road, not yet open
    connections: int  # deliveries under way at once
    buckets: tuple[Bucket, ...]
    resends_uncertain: bool
    # (per cent, least number) of failures in one run that are looked at before more leaves
    unusual: tuple[float, int] | None = None
    reference: Stem | None = None
    # messages a second by recipient domain, domains that were left alone lately, and what today still allows
    rates: Mapping[str, float] = field(default_factory=dict)
    rests: Mapping[str, Rest] = field(default_factory=dict)
    warmup: Today | None = None
    messages_per_connection: int = 0  # then another one is made; 0: no limit
    # connections that fail one after the other, with no message between, before the road counts as closed
    most_failures: int = 7
    is_trial: bool = False  # of a road that was closed: it ends with the first message that is accepted
    # what follows the text, by variant; the pieces are shared by all messages
    tails: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)
    # of a mailing that is about an event: what it says, by language, and each recipient's own links by seq
    bound: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own_links: Callable[[int], Mapping[str, Any]] | None = None
    # to be looked at, not sent: links lead straight to where they go, and nothing is counted
    is_shown: bool = False

    @cached_property
    def links(self) -> MailingLinks:
        return (StraightLinks if self.is_shown else MailingLinks)(self.mailing_id)

    @cached_property
    def _own(self) -> dict[int, OwnAddresses | None]:
        return {}

    @cached_property
    def addresses(self) -> MailingAddresses:
        return MailingAddresses(self.mailing_id, self.uid)

    def refusal(self, item: Item) -> str:
        """Why this delivery must not leave by this transport; empty when it may."""
        domain = item.address_key.rpartition("@")[2]
        if not self.is_local and is_reserved(domain):
            return f"{domain} is a reserved name, and mail for it never leaves by a real transport"
        return ""

    def tail(self, item: Item) -> tuple[bytes, ...]:
        """What every message of this variant ends with: its attachments, encoded."""
        return self.tails.get(item.variant_id, ())

    def tail_size(self, item: Item) -> int:
        """Its bytes."""
        return self._tail_sizes.get(item.variant_id, 0)

    @cached_property
    def _tail_sizes(self) -> dict[int, int]:
        return {variant: sum(map(len, pieces)) for variant, pieces in self.tails.items()}

    def message(self, item: Item, date: datetime) -> bytes:
        """RFC 5322 bytes, to be followed by `tail`. Raises whatever a poisoned delivery makes the renderer raise."""
        compiled = self.variants[item.variant_id]
        fields, seq = item.fields, item.seq
        if self.own_links is not None:
            fields = {**fields, **self.bound.get(compiled.language, {}), **self.own_links(seq)}
        if self.reference:  # a copy shows the reference of its letter
            fields = fields | {"reference": self.reference.reference(int(fields.get("copy.seq") or seq))}
        to = (str(fields.get("copy.name") or fields.get("person.name") or ""), item.recipient)
        reply_to, message_id = self.addresses.reply_to(seq), self.addresses.message_id(seq)
        own = self._own_addresses(compiled)
        if own is None:
            links, tracked = self.links, seq if item.is_tracked else None
            return compiled.message(
                fields=fields,
                to=to,
                from_=self.sender,
                reply_to=reply_to,
                date=date,
                message_id=message_id,
                unsubscribe_url=links.unsubscribe(seq),
                link_url=partial(links.click, tracked),
                open_url=links.open(tracked),
                list_id=self.list_id,
                feedback_id=self.feedback_id,
            )
        unsubscribe, values = own.of(seq, item.is_tracked, fields)
        return compiled.skeleton.message(
            Recipient(values, _no_other),
            to=to,
            from_=self.sender,
            reply_to=reply_to,
            date=date,
            message_id=message_id,
            unsubscribe=unsubscribe,
            list_id=self.list_id,
            feedback_id=self.feedback_id,
            headers={},
        )

    def make(self, items: Iterable[Item], now: datetime) -> None:
        """Make the messages of some items. One after the other they take two thirds of what they take between other work, which drives
        all that they need out of the processor's caches."""
        message, sender = self.message, self.addresses.return_path
        for item in items:
            date = item.first_attempt_at or now
            try:
                item.made = Made(date, sender(item.seq), message(item, date))
            except Exception as error:  # noqa: BLE001 a poisoned recipient fails alone, whatever it makes the renderer raise
                item.made = Made(date, sender(item.seq), b"", error)

    def _own_addresses(self, compiled: CompiledVariant) -> OwnAddresses | None:
        """Kept by variant; None when they cannot be made without looking at them."""
        if self.is_shown:
            return None
        key = compiled.variant_id or 0
        if key not in self._own:
            links, fixed = self.links, compiled.fixed_links
            # what cannot be redirected stands there as a person wrote it, and must be encoded
            ours = fixed is not None and all(links.clicks(number, url) for number, url in fixed.items())
            self._own[key] = (
                OwnAddresses(links, fixed) if fixed is not None and ours and is_plain(settings.TRACKING_URL) else None
            )
        return self._own[key]

    def return_path(self, item: Item) -> str:
        return self.addresses.return_path(item.seq)


@dataclass(frozen=True)
class _Content:
    """What was frozen, ready to render: read and encoded once by a process."""

    variants: dict[int, CompiledVariant]
    tails: dict[int, tuple[bytes, ...]]


_PLANS: OrderedDict[tuple[int, Any], _Content] = OrderedDict()


def _load(data: Mapping[str, Any]) -> _Content:
    variants = load_content(data)
    made: dict[str, bytes] = {}  # a file that goes with several languages is in memory once
    tails = {
        key: tail_of(enclosures_of(data.get("attachments", []), variant.language), read, made)
        for key, variant in variants.items()
    }
    return _Content(variants, tails)


def plan_of(mailing_id: int) -> Plan | None:
    """The plan of a frozen mailing; None when it is gone. What was compiled is kept by the process: it never changes.

    Raises Unavailable when a file that it carries cannot be read, or what is frozen is another version's.
    """
    mailing = Mailing.objects.select_related("sender", "topic", "transport").filter(pk=mailing_id).first()
    if mailing is None or mailing.sender is None or mailing.transport is None or not mailing.frozen_with:
        return None
    key = (mailing_id, mailing.frozen_at)
    if key not in _PLANS:
        _PLANS[key] = _load(mailing.frozen_with)
        while len(_PLANS) > 4:
            _PLANS.popitem(last=False)
    transport, topic = mailing.transport, mailing.topic
    limits = SafetyLimits.current()
    bound = bound_to(mailing) if mailing.frozen_with.get("bound") else None
    code = topic.code if topic else "mail"
    name, email = mailing.frozen_with.get("sender") or (mailing.sender.name, mailing.sender.email)
    return Plan(
        mailing_id=mailing_id,
        uid=mailing.uid,
        variants=_PLANS[key].variants,
        tails=_PLANS[key].tails,
        bound=mailing.frozen_with.get("bound", {}),
        own_links=bound.links if bound else None,
        sender=(name, in_ascii(email)),
        list_id=f"{code}.{settings.RETURN_DOMAIN}",
        # campaign : topic : stream : sender, as the large mailbox hosts group it
        feedback_id=f"{mailing_id}:{code}:mailing:groundswell",
        transport_id=transport.pk,
        is_local=transport.kind == Transport.Kind.LOCAL,
        connect=connecting(transport),
        connections=_lanes(transport),
        messages_per_connection=_most_messages(transport),
        buckets=_buckets(transport, mailing.sender),
        resends_uncertain=mailing.resends_uncertain,
        unusual=_unusual(limits),
        most_failures=limits.transport_failures + max(1, transport.max_connections),
        reference=frozen_stem(mailing.frozen_with),
        rates=recipient_rates(),
        rests={domain: Rest(until) for domain, until in rests_of(transport.pk).items()},
        warmup=today_of(SendingDomain.objects.filter(name=domain_of(email)).first()),
    )


def on_trial(plan: Plan) -> Plan:
    """One connection, one message, and the first failure is one too many."""
    return replace(plan, is_trial=True, connections=1, most_failures=1)


def _buckets(transport: Transport, sender: Sender) -> tuple[Bucket, ...]:
    """What every message of a mailing falls under."""
    limits = [(f"{transport.pk}", transport.per_second), (f"from:{sender.pk}", sender.per_second)]
    return tuple(Bucket(key, float(limit)) for key, limit in limits if limit)


def _unusual(limits: SafetyLimits) -> tuple[float, int] | None:
    return None if limits.failed_percent is None else (float(limits.failed_percent), limits.failed_least)


def connecting(transport: Transport, token: str = "") -> Callable[[], Client]:
    """What makes a connection to wherever the transport leads: a mail server, or a mailing service's API with the calls of this run.

    token: for a mail server that takes no password.
    """
    if transport.kind != Transport.Kind.SERVICE:
        return partial(Client, server_of(transport, token), settings.RETURN_DOMAIN or "localhost")
    make, ties = partial(backend_of, transport), SERVICES[transport.service].ties
    shared = shared_calls(transport.service, make, ties, max(1, transport.max_connections))
    return partial(ServiceClient, transport.name, make, ties, shared)


def _lanes(transport: Transport) -> int:
    """How many deliveries are on their way at once."""
    connections = max(1, transport.max_connections)
    if transport.kind != Transport.Kind.SERVICE:
        return connections
    return lanes_of(transport.service, connections, transport.per_second)


def _most_messages(transport: Transport) -> int:
    """On one connection to a mail server. A mailing service's is an API's, which ends it as it likes."""
    return 0 if transport.kind == Transport.Kind.SERVICE else transport.messages_per_connection or 0


def server_of(transport: Transport, token: str = "") -> Server:
    """Where a transport leads; without an address of its own, to the installation's EMAIL_URL."""
    server = Server.of(transport.url or settings.EMAIL_URL)
    return replace(server, password=token, bearer=True) if token else server
