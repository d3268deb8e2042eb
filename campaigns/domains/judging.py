"""What a sending domain's DNS means for the mail that leaves here. A pure function of what the DNS answered."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.domains import tags
from campaigns.domains.book import Answer, Book, Status
from campaigns.domains.findings import DnsRecord, Finding, Kind, unanswered
from campaigns.domains.judging_spf import judge_spf
from campaigns.domains.roads import RoadOut
from crm.reserved import is_reserved


@dataclass(frozen=True)
class Case:
    """What is judged: mail in the name of `domain`, with return paths at `return_domain`, by `roads`."""

    domain: str
    return_domain: str
    roads: Sequence[RoadOut] = ()
    selector: str = ""
    key_record: str = ""

    @property
    def is_reserved(self) -> bool:
        return is_reserved(self.domain)


def judge(book: Book, case: Case) -> list[Finding]:
    """Everything that receivers look at, in the order in which an administrator mends it."""
    policy = tags.dmarc_of(book, case.domain)
    spf = judge_spf(book, case.return_domain, case.roads, shares_domain=case.return_domain == case.domain)
    dkim = judge_dkim(book, case)
    return [
        spf,
        dkim,
        judge_dmarc(book, case, policy, spf, dkim),
        judge_return_mail(book, case),
        judge_own_mail(book, case),
        *[judge_reverse(book, road) for road in case.roads],
    ]


def worst(findings: Sequence[Finding]) -> Kind:
    order = list(Kind)
    return min((finding.kind for finding in findings), key=order.index, default=Kind.NONE)


# --- DKIM ---------------------------------------------------------------------------------------------------------------
def judge_dkim(book: Book, case: Case) -> Finding:
    found = Finding("dkim", _("DKIM, the signature"))
    if not case.selector:
        found.kind = Kind.WARN
        found.words = _(
            "Your mail server signs, not Groundswell. Say which selector it signs with, so that its key can be looked up."
        )
        return found
    name = f"{case.selector}._domainkey.{case.domain}"
    if tags.is_name(case.key_record):
        _compare_pointer(book, case, name, found)
        if found.kind == Kind.BAD:
            return found
    answer = book.ask("TXT", name)
    if not answer.is_known:
        return unanswered(found)
    records = [value for value in answer.values if "p=" in value or value.startswith("v=DKIM1")]
    found.seen = tuple(records)
    if len(records) != 1:
        found.kind = Kind.BAD
        found.words = (
            _("There is no key at %(name)s, so signatures cannot be checked.") % {"name": name}
            if not records
            else _("There are several keys at %(name)s; receivers take any of them. Leave one.") % {"name": name}
        )
        _ask_for_key(case, name, found)
        return found
    _judge_key(case, name, records[0], found)
    return found


def _compare_pointer(book: Book, case: Case, name: str, found: Finding) -> None:
    pointer = book.ask("CNAME", name)
    if pointer.is_known and pointer.values != (case.key_record,):
        found.kind = Kind.BAD
        found.seen = pointer.values
        found.words = _("%(name)s does not point to %(target)s, where your mail service keeps its key.") % {
            "name": name,
            "target": case.key_record,
        }
        found.records = [DnsRecord(name, "CNAME", f"{case.key_record}.", replaces=pointer.values)]


def _ask_for_key(case: Case, name: str, found: Finding) -> None:
    if case.key_record and not tags.is_name(case.key_record):
        found.records = [DnsRecord(name, "TXT", case.key_record, _long(case.key_record), replaces=found.seen)]
    elif not case.key_record:
        found.lines.append(
            _("Paste the public key that your mail server shows for this selector, and the record to add stands here.")
        )


def _judge_key(case: Case, name: str, record: str, found: Finding) -> None:
    key = tags.read_key(record)
    expected = tags.read_key(case.key_record) if case.key_record and not tags.is_name(case.key_record) else None
    if key.is_revoked:
        found.kind = Kind.BAD
        found.words = _("The key at %(name)s was revoked: its “p=” is empty. Signatures with it fail.") % {"name": name}
    elif key.problems:
        found.kind = Kind.BAD
        found.words = _("The key at %(name)s cannot be used.") % {"name": name}
        found.lines += key.problems
    elif key.kind == "rsa" and key.bits < tags.SHORTEST_KEY:
        found.kind = Kind.BAD
        found.words = _("The key has %(bits)s bits; receivers ignore keys under 1024.") % {"bits": key.bits}
    elif expected and expected.body != key.body:
        found.kind = Kind.BAD
        found.words = _("The key there is not the one that you pasted, so signatures fail.")
    elif key.kind == "rsa" and key.bits < tags.GOOD_KEY:
        found.kind = Kind.WARN
        found.words = _("The key has %(bits)s bits. It works; 2048 are usual today.") % {"bits": key.bits}
    elif key.is_testing:
        found.kind = Kind.WARN
        found.words = _("The key is marked as a test (t=y): receivers may treat signed mail as if it were not.")
    else:
        what = _("Ed25519") if key.kind == "ed25519" else _("%(bits)s bits") % {"bits": key.bits}
        found.words = _("A key stands at %(name)s (%(what)s).") % {"name": name, "what": what}
    if found.kind == Kind.BAD:
        _ask_for_key(case, name, found)


def _long(value: str) -> str:
    return _("Longer than 255 characters: most providers split it by themselves.") if len(value) > 255 else ""


# --- DMARC --------------------------------------------------------------------------------------------------------------
def judge_dmarc(book: Book, case: Case, here: tags.Found, spf: Finding, dkim: Finding) -> Finding:
    found = Finding("dmarc", _("DMARC, what becomes of forgeries"))
    name = f"_dmarc.{case.domain}"
    advised = f"v=DMARC1; p=none; rua=mailto:dmarc@{case.domain}"
    if here.several_at:
        found.kind = Kind.BAD
        found.words = _("%(name)s has several policies, so receivers ignore all of them. Leave one.") % {
            "name": here.several_at
        }
        return found
    if here.policy is None or not here.policy.is_usable:
        if here.policy is None and not here.is_known:
            return unanswered(found)
        found.kind = Kind.BAD
        found.words = _("There is no policy. Large mailbox hosts refuse bulk mail from domains without one.")
        if here.policy is not None:
            found.seen, found.lines = (here.text,), list(here.policy.problems)
            found.words = _("The policy cannot be used.")
        found.records = [DnsRecord(name, "TXT", advised, _("Make the mailbox dmarc@ first."), replaces=found.seen)]
        return found
    found.seen = (here.text,)
    _judge_policy(book, case, here, here.policy, found)
    _judge_alignment(book, case, here, here.policy, spf, dkim, found)
    return found


def _judge_policy(book: Book, case: Case, here: tags.Found, policy: tags.Policy, found: Finding) -> None:
    inherits = here.name != case.domain
    action = policy.for_subdomains() if inherits else policy.policy
    words = {
        "none": _("forgeries are delivered as usual, and reported"),
        "quarantine": _("forgeries go to spam"),
        "reject": _("forgeries are refused"),
    }[action]
    found.words = (
        _("The policy of %(name)s holds: %(words)s.") % {"name": here.name, "words": words}
        if inherits
        else _("There is a policy: %(words)s.") % {"words": words}
    )
    if policy.problems:
        found.worse(Kind.WARN)
        found.lines += policy.problems
    if policy.is_testing or policy.percent < 100:
        found.lines.append(
            _("It is only being tried out: it holds for part of the mail (pct=%(n)s, t=%(t)s).")
            % {"n": policy.percent, "t": "y" if policy.is_testing else "n"}
        )
    if not policy.reports_to:
        found.worse(Kind.WARN)
        found.lines.append(_("Nobody gets its reports (rua=), so you would not see who sends in your name."))
        value = f"{here.text.rstrip().rstrip(';')}; rua=mailto:dmarc@{here.name}"
        note = _("Make the mailbox dmarc@ first.")
        found.records.append(DnsRecord(f"_dmarc.{here.name}", "TXT", value, note, replaces=(here.text,)))
    for uri in policy.reports_to:
        _judge_reports(book, here.name, tags.report_domain(uri), found)
    if action == "none" and found.kind == Kind.OK:
        found.lines.append(_("When the reports show only what you know, go on to p=quarantine, then p=reject."))


def _judge_reports(book: Book, owner: str, target: str, found: Finding) -> None:
    """Reports that go to another organization need its consent, or they are not sent."""
    if tags.belongs(target, owner) or tags.belongs(owner, target):
        return
    name = f"{owner}._report._dmarc.{target}"
    answer = book.ask("TXT", name)
    if answer.is_known and not any(tags.is_dmarc(value) for value in answer.values):
        found.worse(Kind.WARN)
        found.lines.append(_("%(target)s has not said that it takes these reports.") % {"target": target})
        found.records.append(DnsRecord(name, "TXT", "v=DMARC1", _("In the zone of %(target)s.") % {"target": target}))


def _judge_alignment(
    book: Book, case: Case, here: tags.Found, policy: tags.Policy, spf: Finding, dkim: Finding, found: Finding
) -> None:
    """DMARC passes by SPF at a return path of the same organization, or by a signature of it. One is enough."""
    by_spf = _spf_aligned(book, case, here, policy)
    if by_spf is None:
        found.lines.append(_("Whether SPF counts for it is not known yet."))
    elif by_spf:
        found.lines.append(
            _("SPF counts for it: %(return)s belongs to %(organization)s.")
            % {"return": case.return_domain, "organization": here.organization}
        )
    else:
        found.lines.append(
            _("SPF does not count for it: return paths are at %(return)s, and the policy asks for %(wanted)s.")
            % {
                "return": case.return_domain or "–",
                "wanted": case.domain if policy.strict_spf else here.organization,
            }
        )
    wanted = case.domain if policy.strict_dkim else _("%(name)s or below") % {"name": here.organization}
    found.lines.append(_("A signature counts for it when it is made with d=%(wanted)s.") % {"wanted": wanted})
    passes_spf = bool(by_spf) and spf.kind == Kind.OK
    passes_dkim = bool(case.selector) and dkim.kind in (Kind.OK, Kind.WARN)
    if passes_spf or passes_dkim:
        return
    if Kind.UNKNOWN in (spf.kind, dkim.kind) or by_spf is None:
        found.worse(Kind.UNKNOWN)
        return
    action = policy.for_subdomains() if here.name != case.domain else policy.policy
    found.worse(Kind.WARN if action == "none" else Kind.BAD)
    found.lines.append(_("As things stand, mail from here would not pass: mend SPF or DKIM above."))


def _spf_aligned(book: Book, case: Case, here: tags.Found, policy: tags.Policy) -> bool | None:
    if not case.return_domain:
        return False
    if case.return_domain == case.domain:
        return True
    if policy.strict_spf:
        return False
    there = tags.dmarc_of(book, case.return_domain)
    return there.organization == here.organization if there.is_known else None


# --- mail that comes back -----------------------------------------------------------------------------------------------
def judge_return_mail(book: Book, case: Case) -> Finding:
    found = Finding("return_mx", _("MX of %(domain)s, for bounces and replies") % {"domain": case.return_domain or "–"})
    if not case.return_domain:
        found.kind = Kind.BAD
        found.words = _(
            "RETURN_DOMAIN is not set, so bounces and replies reach nobody. It is a setting of this machine."
        )
        return found
    _judge_mx(book, case, case.return_domain, found)
    if found.kind == Kind.OK:
        found.words = _("%(hosts)s takes its mail. It must hand it to Groundswell.") % {"hosts": ", ".join(found.seen)}
    return found


def judge_own_mail(book: Book, case: Case) -> Finding:
    found = Finding("mx", _("MX of %(domain)s") % {"domain": case.domain})
    _judge_mx(book, case, case.domain, found)
    if found.kind == Kind.OK:
        found.words = _("%(hosts)s takes mail for the sender’s address.") % {"hosts": ", ".join(found.seen)}
    return found


def _judge_mx(book: Book, case: Case, domain: str, found: Finding) -> None:
    answer = book.ask("MX", domain)
    if not answer.is_known:
        unanswered(found)
        return
    hosts = [value.partition(" ")[2] for value in answer.values]
    found.seen = tuple(hosts)
    host = next((road.host for road in case.roads if road.is_name), f"mail.{domain}")
    record = DnsRecord(domain, "MX", f"10 {host}.", _("Or the server that takes mail for this domain."))
    if hosts == ["."]:
        found.kind, found.records = Kind.BAD, [record]
        found.words = _("%(domain)s says that it takes no mail at all (“MX 0 .”).") % {"domain": domain}
    elif not hosts:
        addresses = book.addresses(domain)
        if not addresses.is_known:
            unanswered(found)
            return
        found.records = [record]
        found.kind = Kind.WARN if addresses.values else Kind.BAD
        found.words = (
            _("%(domain)s has no MX. Mail goes to its web address instead, which is rarely meant.") % {"domain": domain}
            if addresses.values
            else _("%(domain)s takes no mail: it has no MX.") % {"domain": domain}
        )
    else:
        known = [(name, book.addresses(name)) for name in hosts]
        lost = [name for name, answer in known if answer.status == Status.NOTHING]
        if len(lost) == len(hosts):
            found.kind, found.records = Kind.BAD, [record]
            found.words = _("Its MX leads to %(hosts)s, which has no address.") % {"hosts": ", ".join(lost)}
        elif lost:
            found.worse(Kind.WARN)
            found.words = _("One of its servers has no address: %(hosts)s.") % {"hosts": ", ".join(lost)}
        elif not all(answer.is_known for _name, answer in known):
            unanswered(found)


# --- reverse DNS --------------------------------------------------------------------------------------------------------
def judge_reverse(book: Book, road: RoadOut) -> Finding:
    """Each address that mail leaves from has a name, and the name leads back to the address."""
    found = Finding("reverse", _("Reverse DNS of “%(transport)s”") % {"transport": road.name})
    addresses, is_known = road.addresses(book)
    if road.is_service:
        found.kind = Kind.NONE
        found.words = _("The mailing service looks after the names of its own servers.")
        return found
    if not addresses:
        if not is_known:
            return unanswered(found)
        found.kind = Kind.UNKNOWN
        found.words = _(
            "%(host)s is not seen from outside. Say on the transport’s page from which address its mail leaves."
        ) % {"host": road.host}
        return found
    named = []
    for address in addresses:
        name = _judge_address(book, road, address, found)
        named += [f"{address} → {name}"] if name else []
    if found.kind == Kind.OK:
        found.words = ngettext(
            "%(names)s, and the name leads back.", "%(names)s, and the names lead back.", len(named)
        ) % {"names": ", ".join(named)}
    return found


def _judge_address(book: Book, road: RoadOut, address: str, found: Finding) -> str:
    """The confirmed name of an address; "" when there is none, which the finding then says."""
    pointer = ipaddress.ip_address(address).reverse_pointer
    answer = book.ask("PTR", pointer)
    if not answer.is_known:
        unanswered(found)
        return ""
    for name in answer.values:
        back = book.addresses(name)
        if not back.is_known:
            unanswered(found)
            return ""
        if address in _normal(back):
            return name
    found.worse(Kind.BAD)
    host = road.host if road.is_name else f"mail.{road.name_for}"
    found.words = _("Many receivers refuse mail from servers without a name that leads back to them.")
    found.lines.append(
        _("%(address)s has no name.") % {"address": address}
        if not answer.values
        else _("%(address)s is called %(name)s, but that name does not lead back.")
        % {"address": address, "name": answer.values[0]}
    )
    note = _("Whoever rents you the address sets this; %(host)s must lead to %(address)s.") % {
        "host": host,
        "address": address,
    }
    found.records.append(DnsRecord(pointer, "PTR", f"{host}.", note, replaces=answer.values))
    return ""


def _normal(answer: Answer) -> set[str]:
    normal = set()
    for value in answer.values:
        try:
            normal.add(str(ipaddress.ip_address(value)))
        except ValueError:
            continue
    return normal
