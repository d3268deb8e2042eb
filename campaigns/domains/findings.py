"""What a judgement is made of, for screens: findings in plain words, and records to add."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext as _


class Kind(StrEnum):
    """From bad to good: the worst of a domain's findings is what is said of it."""

    BAD = "bad"
    WARN = "warn"
    UNKNOWN = "wait"
    OK = "ok"
    NONE = "plain"  # nothing to judge here


@dataclass(frozen=True)
class DnsRecord:
    """A record to add, exactly. replaces: values that must go. note: what to know when adding it."""

    name: str
    kind: str
    value: str
    note: str = ""
    replaces: tuple[str, ...] = ()


@dataclass
class Finding:
    """One thing that was looked at. title: what; words: what was found, and whether it is right."""

    code: str
    title: str
    words: str = ""
    kind: Kind = Kind.OK
    seen: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)
    records: list[DnsRecord] = field(default_factory=list)

    def worse(self, kind: Kind) -> None:
        if list(Kind).index(kind) < list(Kind).index(self.kind):
            self.kind = kind

    @property
    def verdict(self) -> str:
        return {
            Kind.BAD: _("wrong"),
            Kind.WARN: _("look at it"),
            Kind.UNKNOWN: _("not known"),
            Kind.OK: _("right"),
            Kind.NONE: _("not needed"),
        }[self.kind]


def unanswered(finding: Finding) -> Finding:
    """Nobody answered, so nothing can be said."""
    finding.worse(Kind.UNKNOWN)
    finding.words = _("The DNS has not answered for this yet, so it is not known.")
    return finding
