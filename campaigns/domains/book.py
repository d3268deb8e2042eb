"""What the DNS answered, as those who judge read it.

A judge is a pure function of a `Book`. Whatever it asks for that nobody has looked up yet is written down in `wanted`, and
answered *pending*; whoever fills the book looks those up and lets the judge read again, until it asks for nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_VALUES, LONGEST = 40, 4000


class Status(StrEnum):
    FOUND = "found"
    NOTHING = "nothing"  # the DNS answered: there is no such name, or no record of the kind
    SILENT = "silent"  # nobody answered, or the server could not
    PENDING = "pending"  # not looked up yet


@dataclass(frozen=True)
class Answer:
    """values: each record as text; `at`: when it was looked up, ISO 8601."""

    status: Status
    values: tuple[str, ...] = ()
    at: str = ""

    @property
    def is_known(self) -> bool:
        return self.status in (Status.FOUND, Status.NOTHING)

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status.value, "values": list(self.values), "at": self.at}


_PENDING = Answer(Status.PENDING)


def found(values: Iterable[str], at: str = "") -> Answer:
    """An answer that can be kept: few values, none endless, and none with what a text in PostgreSQL cannot hold."""
    kept = tuple(value.replace("\0", "\\0")[:LONGEST] for value in list(values)[:MOST_VALUES])
    return Answer(Status.FOUND if kept else Status.NOTHING, kept, at)


@dataclass
class Book:
    """Answers by (kind, name); kinds are TXT, A, AAAA, MX, PTR and CNAME."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    wanted: set[tuple[str, str]] = field(default_factory=set)
    # of what was read: the oldest look-up, and whether something was missing
    read: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, kind: str, name: str) -> Answer:
        key = (kind, name.rstrip(".").lower())
        self.read.add(key)
        if key not in self.answers:
            self.wanted.add(key)
        return self.answers.get(key, _PENDING)

    def addresses(self, name: str) -> Answer:
        """A and AAAA together."""
        four, six = self.ask("A", name), self.ask("AAAA", name)
        if four.values or six.values:
            return Answer(Status.FOUND, (*four.values, *six.values), min(four.at or six.at, six.at or four.at))
        for answer in (four, six):
            if not answer.is_known:
                return answer
        return Answer(Status.NOTHING, (), min(four.at, six.at))

    def as_json(self) -> dict[str, Any]:
        return {f"{kind} {name}": answer.as_json() for (kind, name), answer in sorted(self.answers.items())}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Book:
        answers = {}
        for key, row in data.items():
            kind, _space, name = key.partition(" ")
            answers[kind, name] = Answer(Status(row["status"]), tuple(row["values"]), row["at"])
        return cls(answers)
