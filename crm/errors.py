"""What can go wrong, as a tree. Services raise; the edges (pages, htmx, API, tasks) translate once.

DomainError            stable `code`, a sentence for people in `message`, facts in `data`
├── NotAllowed         the user may not do this
├── Conflict           somebody else changed it, or its state forbids it
│   ├── StaleEdit      saved from a page that was opened before another's change
│   └── WrongState     a move that the table of allowed moves does not have
├── Invalid            the input cannot be used; `data["errors"]` may hold (field, sentence) pairs
└── Unavailable        something that we need does not answer; trying again later is right
"""

from typing import Any


class DomainError(Exception):
    code = "error"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.data = data


class NotAllowed(DomainError):
    code = "not_allowed"
    status = 403


class Conflict(DomainError):
    code = "conflict"
    status = 409


class StaleEdit(Conflict):
    code = "stale_edit"


class WrongState(Conflict):
    code = "wrong_state"


class Invalid(DomainError):
    code = "invalid"
    status = 422


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
