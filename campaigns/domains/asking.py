"""Looking things up: by the machine's resolver or by DNS_RESOLVER, many at once, and never for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from django.conf import settings

from campaigns.domains.book import Answer, Book, Status, found

logger = logging.getLogger(__name__)
ONE_SECONDS, ALL_SECONDS = 2.5, 9.0
ROUNDS, MOST_QUESTIONS = 24, 150


def look_up(judge: Callable[[Book], object]) -> Book:
    """A fresh book with all that `judge` asks for. What nobody answers in time is *silent* in it."""
    return asyncio.run(_look_up(judge))


async def _look_up(judge: Callable[[Book], object]) -> Book:
    book = Book()
    until = asyncio.get_running_loop().time() + ALL_SECONDS
    resolver = _resolver()
    for _round in range(ROUNDS):
        judge(book)
        wanted = sorted(book.wanted)[: MOST_QUESTIONS - len(book.answers)]
        book.wanted.clear()
        if not wanted:
            break
        left = until - asyncio.get_running_loop().time()
        book.answers.update(await _ask_all(resolver, wanted, left))
        if all(answer.status == Status.SILENT for answer in book.answers.values()):
            break  # nobody is there: more questions would only take more time
    return book


async def _ask_all(
    resolver: dns.asyncresolver.Resolver | None, wanted: list[tuple[str, str]], seconds: float
) -> dict[tuple[str, str], Answer]:
    if resolver is None or seconds <= 0:
        return dict.fromkeys(wanted, Answer(Status.SILENT))
    tasks = {key: asyncio.create_task(_ask(resolver, *key)) for key in wanted}
    await asyncio.wait(tasks.values(), timeout=seconds)
    answers = {}
    for key, task in tasks.items():
        if task.done():
            answers[key] = task.result()
        else:
            task.cancel()
            answers[key] = Answer(Status.SILENT)
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return answers


def _resolver() -> dns.asyncresolver.Resolver | None:
    """None when this machine has no resolver at all."""
    if settings.DNS_RESOLVER:
        host, port = settings.DNS_RESOLVER
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [host], port
    else:
        try:
            resolver = dns.asyncresolver.Resolver()
        except (dns.exception.DNSException, OSError):
            logger.warning("This machine has no DNS resolver; DNS_RESOLVER names one.")
            return None
    resolver.lifetime, resolver.timeout = ONE_SECONDS, ONE_SECONDS / 2
    return resolver


async def _ask(resolver: dns.asyncresolver.Resolver, kind: str, name: str) -> Answer:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        answer = await resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
    except dns.resolver.NXDOMAIN:
        return Answer(Status.NOTHING, (), at)
    except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape, UnicodeError):
        return Answer(Status.NOTHING, (), at)  # no name that the DNS could know
    except (dns.exception.DNSException, OSError, ValueError) as error:
        logger.info("%s of %s could not be looked up: %s", kind, name, error)
        return Answer(Status.SILENT, (), at)
    # servers turn the order about: sorted, the same answer is the same, and mail servers stand by preference
    return found(sorted((_text(kind, row) for row in answer.rrset or ()), key=_order), at)


def _order(text: str) -> tuple[int, str]:
    preference = text.partition(" ")[0]
    return (int(preference) if preference.isdecimal() else 0, text)


def _text(kind: str, row: object) -> str:
    if kind == "TXT":  # the strings of one record are one text
        return b"".join(row.strings).decode("ascii", "backslashreplace")  # type: ignore[attr-defined]
    if kind == "MX":
        return f"{row.preference} {_name(row.exchange)}"  # type: ignore[attr-defined]
    return str(row).rstrip(".").lower()


def _name(name: object) -> str:
    return str(name).rstrip(".").lower() or "."
