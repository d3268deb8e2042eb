"""SPF (RFC 7208): reading a record strictly, walking all that it names, and asking whether an address may send."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.domains.book import Answer, Book, Status

MOST_LOOKUPS, MOST_VOID, MOST_NAMES = 10, 2, 10
_TERM = re.compile(r"^([+\-~?]?)([A-Za-z][A-Za-z0-9._-]*)(.*)$", re.DOTALL)
_MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
_ASKS = {"include", "a", "mx", "ptr", "exists", "redirect"}  # each counts against the ten look-ups
_MACRO = re.compile(r"%(\{[A-Za-z][0-9]{0,3}[rR]?[.\-+,/_=]*\}|[%_\-])")
_DOMAIN = re.compile(r"^[!-~]{1,253}$")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Result(StrEnum):
    """What a receiver would find; UNKNOWN: it cannot be said from here."""

    PASS = "pass"  # noqa: S105 a result, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    PERMERROR = "permerror"
    UNKNOWN = "unknown"


_BY_QUALIFIER = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}


@dataclass(frozen=True)
class Term:
    """A mechanism, or a modifier (then the qualifier is empty)."""

    qualifier: str
    name: str
    value: str
    four: int = 32
    six: int = 128

    @property
    def has_macro(self) -> bool:
        return "%" in self.value


@dataclass(frozen=True)
class Record:
    terms: tuple[Term, ...]
    problems: tuple[str, ...]

    def modifier(self, name: str) -> str:
        return next((term.value for term in self.terms if not term.qualifier and term.name == name), "")

    @property
    def mechanisms(self) -> list[Term]:
        return [term for term in self.terms if term.qualifier]

    @property
    def all(self) -> Term | None:
        return next((term for term in self.mechanisms if term.name == "all"), None)


def is_spf(text: str) -> bool:
    """RFC 7208 4.5: the version, then a space or nothing."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def records_in(answer: Answer) -> list[str]:
    return [value for value in answer.values if is_spf(value)]


def parse(text: str) -> Record:
    """The terms that can be read, and a sentence for each that cannot."""
    terms, problems = [], []
    for word in text.split(" ")[1:]:
        if not word:
            continue
        term = _term(word)
        if isinstance(term, str):
            problems.append(term)
        else:
            terms.append(term)
    for name in ("redirect", "exp"):
        if sum(not term.qualifier and term.name == name for term in terms) > 1:
            problems.append(_("“%(name)s=” stands there twice.") % {"name": name})
    return Record(tuple(terms), tuple(problems))


def _term(word: str) -> Term | str:
    wrong = _("“%(word)s” is not SPF.") % {"word": word[:80]}
    match = _TERM.match(word)
    if match is None:
        return wrong
    qualifier, name, rest = match[1], match[2].lower(), match[3]
    if rest.startswith("="):
        if qualifier or not _is_spec(rest[1:], may_be_empty=name not in ("redirect", "exp")):
            return wrong
        return Term("", name, rest[1:])
    if name not in _MECHANISMS:
        return wrong
    return _mechanism(qualifier or "+", name, rest) or wrong


def _mechanism(qualifier: str, name: str, rest: str) -> Term | None:
    if name == "all":
        return None if rest else Term(qualifier, name, "")
    if name in ("ip4", "ip6"):
        return _network(qualifier, name, rest)
    spec, four, six = rest, 32, 128
    if name in ("a", "mx"):
        cidr = re.search(r"(?:/(\d{1,2}))?(?://(\d{1,3}))?$", rest)
        if cidr and cidr[0]:
            spec = rest[: cidr.start()]
            four, six = int(cidr[1] or 32), int(cidr[2] or 128)
            if four > 32 or six > 128:
                return None
    if not spec:
        return None if name in ("include", "exists") else Term(qualifier, name, "", four, six)
    if not spec.startswith(":") or not _is_spec(spec[1:]):
        return None
    return Term(qualifier, name, spec[1:], four, six)


def _network(qualifier: str, name: str, rest: str) -> Term | None:
    if not rest.startswith(":"):
        return None
    try:
        network = ipaddress.ip_network(rest[1:], strict=False)
    except ValueError:
        return None
    fits = network.version == (4 if name == "ip4" else 6)
    single = network.prefixlen == network.max_prefixlen
    return Term(qualifier, name, str(network.network_address if single else network)) if fits else None


def _is_spec(text: str, *, may_be_empty: bool = False) -> bool:
    if not text:
        return may_be_empty
    return bool(_DOMAIN.match(text)) and "%" not in _MACRO.sub("", text)


# --- walking ------------------------------------------------------------------------------------------------------------
@dataclass
class Walk:
    """All that a record leads to. `lookups` counts each term that makes receivers ask, wherever it stands."""

    lookups: int = 0
    problems: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    costs: dict[str, int] = field(default_factory=dict)  # by term of the first record
    is_complete: bool = True  # false: something was not answered, or has a macro


def walk(book: Book, domain: str) -> Walk:
    """Look at the record of `domain` and at every record that it includes."""
    found = Walk()
    _walk(book, domain, found, ())
    if found.lookups > MOST_LOOKUPS:
        found.problems.append(
            _("It makes receivers look up %(n)s names; after 10 they stop and count it as an error.")
            % {"n": found.lookups}
        )
    return found


def _walk(book: Book, domain: str, found: Walk, path: tuple[str, ...]) -> None:
    name = domain.rstrip(".").lower()
    if name in path:
        found.problems.append(_("It leads back to itself: %(path)s.") % {"path": " → ".join([*path, name])})
        return
    found.reached.add(name)
    answer = book.ask("TXT", name)
    if not answer.is_known:
        found.is_complete = False
        return
    records = records_in(answer)
    if len(records) != 1:
        if path:
            found.problems.append(
                _("It includes %(name)s, which has no SPF record.") % {"name": name}
                if not records
                else _("It includes %(name)s, which has several SPF records.") % {"name": name}
            )
        return
    record = parse(records[0])
    where = _("In %(name)s: ") % {"name": name} if path else ""
    found.problems += [where + problem for problem in record.problems]
    _lint(record, found, where)
    for term in _followed(record):
        before = found.lookups
        _follow(book, term, name, found, (*path, name))
        if not path and found.lookups > before:
            found.costs[f"{term.name}{':' if term.qualifier else '='}{term.value}"] = found.lookups - before
        if found.lookups > 60:  # a record made to be endless
            found.is_complete = False
            return


def _followed(record: Record) -> list[Term]:
    """Terms that receivers may come to: mechanisms up to `all`, and the redirect only where there is none."""
    terms = []
    for term in record.mechanisms:
        terms.append(term)
        if term.name == "all":
            return terms
    return [*terms, *[term for term in record.terms if not term.qualifier and term.name == "redirect"]]


def _lint(record: Record, found: Walk, where: str) -> None:
    last = record.all
    if last is not None and last.qualifier == "+":
        found.problems.append(where + _("“+all” allows everybody to send in this name."))
    if last is None and not record.modifier("redirect") and not where:
        found.hints.append(_("It does not say what becomes of other servers; end it with “-all” or “~all”."))
    if last is not None and last is not record.mechanisms[-1]:
        found.hints.append(where + _("What stands behind “all” is never read."))
    if last is not None and record.modifier("redirect"):
        found.hints.append(where + _("Its “redirect=” is never read, because there is an “all”."))
    if any(term.name == "ptr" for term in record.mechanisms):
        found.hints.append(where + _("“ptr” is slow and out of use; leave it out."))


def _follow(book: Book, term: Term, domain: str, found: Walk, path: tuple[str, ...]) -> None:
    if term.name not in _ASKS:
        return
    found.lookups += 1
    if term.has_macro:
        found.is_complete = False
    elif term.name in ("include", "redirect"):
        _walk(book, term.value, found, path)
    elif term.name == "mx":
        answer = book.ask("MX", term.value or domain)
        found.is_complete &= answer.is_known
        if len(answer.values) > MOST_NAMES:
            found.problems.append(
                ngettext(
                    "“mx” leads to %(n)s server.", "“mx” leads to %(n)s servers; 10 are allowed.", len(answer.values)
                )
                % {"n": len(answer.values)}
            )


# --- asking for one address ---------------------------------------------------------------------------------------------
@dataclass
class _Budget:
    lookups: int = MOST_LOOKUPS
    void: int = MOST_VOID


class _PermError(Exception):
    pass


class _Unknown(Exception):
    pass


def check_host(book: Book, domain: str, address: Address) -> Result:
    """What a receiver finds for mail from `address` with a return path at `domain`."""
    try:
        return _check(book, domain, address, _Budget())
    except _PermError:
        return Result.PERMERROR
    except _Unknown:
        return Result.UNKNOWN


def _check(book: Book, domain: str, address: Address, budget: _Budget) -> Result:
    answer = _known(book.ask("TXT", domain))
    records = records_in(answer)
    if not records:
        return Result.NONE
    record = parse(records[0])
    if len(records) > 1 or record.problems:
        raise _PermError
    for term in record.mechanisms:
        if _matches(book, term, domain, address, budget):
            return _BY_QUALIFIER[term.qualifier]
    if target := record.modifier("redirect"):
        _spend(budget)
        if "%" in target:
            raise _Unknown
        result = _check(book, target, address, budget)
        if result == Result.NONE:
            raise _PermError
        return result
    return Result.NEUTRAL


def _matches(book: Book, term: Term, domain: str, address: Address, budget: _Budget) -> bool:
    if term.name == "all":
        return True
    if term.name in ("ip4", "ip6"):
        return address in ipaddress.ip_network(term.value)
    _spend(budget)
    if term.has_macro or term.name in ("ptr", "exists"):
        raise _Unknown
    target = term.value or domain
    if term.name == "include":
        result = _check(book, target, address, budget)
        if result == Result.NONE:
            raise _PermError
        return result == Result.PASS
    names = [target]
    if term.name == "mx":
        names = [value.partition(" ")[2] for value in _filled(book.ask("MX", target), budget)]
        if len(names) > MOST_NAMES:
            raise _PermError
    kind, prefix = ("A", term.four) if address.version == 4 else ("AAAA", term.six)
    for name in names:
        for value in _filled(book.ask(kind, name), budget):
            if _is_address(value) and address in ipaddress.ip_network(f"{value}/{prefix}", strict=False):
                return True
    return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _known(answer: Answer) -> Answer:
    if not answer.is_known:
        raise _Unknown
    return answer


def _filled(answer: Answer, budget: _Budget) -> tuple[str, ...]:
    if _known(answer).status == Status.NOTHING:
        budget.void -= 1
        if budget.void < 0:
            raise _PermError
    return answer.values


def _spend(budget: _Budget) -> None:
    budget.lookups -= 1
    if budget.lookups < 0:
        raise _PermError
