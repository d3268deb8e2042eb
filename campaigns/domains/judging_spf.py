"""Whether SPF lets our transports send, and the record that would."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.domains import spf
from campaigns.domains.book import Book, Status
from campaigns.domains.findings import DnsRecord, Finding, Kind, unanswered
from campaigns.domains.roads import RoadOut
from campaigns.mailings.leaving import Origin

# what an origin's test found
ALLOWED, REFUSED, UNKNOWN = "allowed", "refused", "unknown"


def judge_spf(book: Book, domain: str, roads: Sequence[RoadOut], *, shares_domain: bool) -> Finding:
    """SPF is looked up where bounces go to: at the return domain, not at the address that people see."""
    found = Finding("spf", _("SPF of %(domain)s, who may send") % {"domain": domain or "–"})
    if not domain:
        found.kind = Kind.BAD
        found.words = _("RETURN_DOMAIN is not set, and SPF is looked up there. It is a setting of this machine.")
        return found
    answer = book.ask("TXT", domain)
    if not answer.is_known:
        return unanswered(found)
    records = spf.records_in(answer)
    found.seen = tuple(records)
    # a service of which no “include:” is known answers for return paths of its own
    tests = [(road, _test(book, domain, road)) for road in roads if road.origins or not road.by_service]
    if len(records) != 1:
        found.kind = Kind.BAD
        found.words = (
            _("There are several SPF records. Receivers count that as an error; there must be one.")
            if records
            else _("There is no SPF record, so nobody can tell our mail from a forgery.")
        )
        _advise(domain, records, roads, tests, found, shares_domain=shares_domain)
        return found
    walked = spf.walk(book, domain)
    found.lines += walked.problems
    if walked.problems:
        found.kind = Kind.BAD
        found.words = _("There is a record, but it is broken.")
        if walked.costs and walked.lookups > spf.MOST_LOOKUPS:
            costs = ", ".join(f"{name} {n}" for name, n in sorted(walked.costs.items(), key=lambda cost: -cost[1]))
            found.lines.append(_("Look-ups by term: %(costs)s. Take out what you do not send by.") % {"costs": costs})
    elif walked.hints:
        found.worse(Kind.WARN)
    found.lines += walked.hints
    _judge_roads(domain, tests, found)
    if not walked.problems and walked.is_complete:
        found.lines.append(
            ngettext("%(n)s of 10 look-ups is used.", "%(n)s of 10 look-ups are used.", walked.lookups)
            % {"n": walked.lookups}
        )
    if found.kind in (Kind.BAD, Kind.WARN):
        _advise(domain, records, roads, tests, found, shares_domain=shares_domain)
    return found


def _test(book: Book, domain: str, road: RoadOut) -> list[tuple[Origin, str]]:
    """Each origin of a transport, and whether the record lets it send."""
    return [(origin, _allows(book, domain, origin)) for origin in road.origins if origin.is_public]


def _allows(book: Book, domain: str, origin: Origin) -> str:
    if origin.kind == "include":
        walked = spf.walk(book, domain)
        if origin.value in walked.reached:
            return ALLOWED
        return REFUSED if walked.is_complete else UNKNOWN
    if origin.kind == "name":
        answer = book.addresses(origin.value)
        if not answer.is_known:
            return UNKNOWN
        values = [value for value in answer.values if _is_public(value)]
        if answer.status == Status.NOTHING or not values:
            return UNKNOWN
    else:
        values = [str(ipaddress.ip_network(origin.value).network_address)]
    results = {spf.check_host(book, domain, ipaddress.ip_address(value)) for value in values}
    if results == {spf.Result.PASS}:
        return ALLOWED
    return UNKNOWN if spf.Result.UNKNOWN in results else REFUSED


def _is_public(value: str) -> bool:
    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False


def _judge_roads(domain: str, tests: Sequence[tuple[RoadOut, list[tuple[Origin, str]]]], found: Finding) -> None:
    refused = [road.name for road, results in tests if any(result == REFUSED for _origin, result in results)]
    unknown = [
        road.name
        for road, results in tests
        if road.name not in refused and (not results or any(result == UNKNOWN for _origin, result in results))
    ]
    good = [road.name for road, _results in tests if road.name not in (*refused, *unknown)]
    if refused:
        found.worse(Kind.BAD)
        found.words = found.words or _("There is a record, but it does not let “%(names)s” send.") % {
            "names": "”, “".join(refused)
        }
    if unknown:
        found.worse(Kind.UNKNOWN)
        found.lines.append(
            _("Whether “%(names)s” may send is not known: where its mail leaves from cannot be seen from here.")
            % {"names": "”, “".join(unknown)}
        )
    if good:
        words = _("The record lets “%(names)s” send.") % {"names": "”, “".join(good)}
        found.words = found.words or words
    if not tests:
        found.lines.append(_("No transport leads out of this machine yet, so there is no server to compare it with."))
    found.words = found.words or _("There is a record.")


def _advise(
    domain: str,
    records: Sequence[str],
    roads: Sequence[RoadOut],
    tests: Sequence[tuple[RoadOut, list[tuple[Origin, str]]]],
    found: Finding,
    *,
    shares_domain: bool,
) -> None:
    """One record in the place of all that is there, with what our transports need in front of its end."""
    missing = [origin.term for _road, results in tests for origin, result in results if result != ALLOWED]
    terms: list[str] = []
    ends: list[str] = []
    for text in records:
        record = spf.parse(text)
        for term in record.terms:
            written = _written(term)
            if term.name == "all" and term.qualifier:
                ends += [] if term.qualifier == "+" else [written]
            elif not term.qualifier and term.name == "redirect" and record.all is None and len(records) == 1:
                ends.append(written)
            elif term.qualifier or term.name == "exp":
                terms.append(written)
    # of several ends the mildest: what passed until now is not refused tomorrow
    mild = ("?all", "~all", "-all")
    end = min(
        ends, key=lambda text: mild.index(text) if text in mild else 3, default="~all" if shares_domain else "-all"
    )
    value = " ".join(["v=spf1", *dict.fromkeys([*terms, *missing]), end])
    if not roads and not terms:
        found.lines.append(_("Add a transport first: the record names the servers that may send."))
    elif not terms and not missing:
        found.lines.append(_("Say on the transport’s page from where its mail leaves; the record names that."))
    elif value not in records:
        found.records = [DnsRecord(domain, "TXT", value, replaces=tuple(records))]


def _written(term: spf.Term) -> str:
    if not term.qualifier:
        return f"{term.name}={term.value}"
    sign = "" if term.qualifier == "+" else term.qualifier
    value = f":{term.value}" if term.value else ""
    four = f"/{term.four}" if term.four != 32 else ""
    six = f"//{term.six}" if term.six != 128 else ""
    return f"{sign}{term.name}{value}{four}{six}"
