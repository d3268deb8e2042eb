"""A domain's judgement as screens show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.domains.book import Book
from campaigns.domains.findings import Finding, Kind
from campaigns.domains.judging import Case, judge, worst
from campaigns.domains.models import SendingDomain
from campaigns.domains.services import case_of, domain_of
from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from crm.ui import formats


@dataclass(frozen=True)
class Checked:
    """findings: empty when it was never looked up. older: some answers are from before the last check."""

    row: SendingDomain
    case: Case
    findings: list[Finding]
    oldest: datetime | None

    @property
    def kind(self) -> Kind:
        if not self.findings:
            return Kind.NONE if self.case.is_reserved else Kind.UNKNOWN
        return worst(self.findings)

    @property
    def words(self) -> str:
        """In three words, for a badge."""
        if not self.findings and self.case.is_reserved:
            return _("a made-up name")
        if not self.findings:
            return _("never answered") if self.row.asked_at else _("not checked yet")
        if self.kind == Kind.OK:
            return _("in order")
        return {Kind.BAD: _("to mend"), Kind.WARN: _("look at it")}.get(self.kind, _("not known"))

    @property
    def why(self) -> str:
        """Which parts, for those who look no closer."""
        wrong = [finding.title.partition(",")[0] for finding in self.findings if finding.kind == self.kind]
        return "" if self.kind in (Kind.OK, Kind.NONE) else formats.listing(wrong[:3])


def checked(row: SendingDomain, transports: Iterable[Transport] | None = None) -> Checked:
    """Judge what was answered last."""
    case = case_of(row, transports)
    if row.checked_at is None:
        return Checked(row, case, [], None)
    book = Book.of(row.answers)
    findings = judge(book, case)
    times = [answer.at for key in book.read if (answer := book.answers.get(key)) and answer.is_known and answer.at]
    oldest = datetime.fromisoformat(min(times)) if times else None
    return Checked(row, case, findings, oldest)


def checked_of(
    senders: Iterable[Sender] | None = None, transports: Iterable[Transport] | None = None
) -> list[tuple[Sender, Checked]]:
    """The domain of each sender in use, once, with one of its senders to reach its page by; two queries for any number."""
    roads = list(transports_in_use() if transports is None else transports)
    by_name: dict[str, Sender] = {}
    for sender in senders_in_use() if senders is None else senders:
        by_name.setdefault(domain_of(sender.email), sender)
    rows = {row.name: row for row in SendingDomain.objects.filter(name__in=by_name)}
    return [
        (sender, checked(rows.get(name) or SendingDomain(name=name), roads)) for name, sender in sorted(by_name.items())
    ]
