"""What other features know of a row that an import made, and for which it must stay when the import is undone.

References by foreign key are found by `undoing` itself. A ledger without them (deliveries) says here how it is asked:

    keep_while("person", ImportKept.Reason.MAILING, "SELECT 1 FROM delivery d WHERE d.person_id = o.id AND …")
"""

from __future__ import annotations

KEPT_WHILE: dict[str, list[tuple[str, str]]] = {"person": [], "organization": [], "post": []}


def keep_while(kind: str, reason: str, exists: str) -> None:
    """exists: a SELECT that finds a row while `o`, the row of this kind, is needed; it needs an index, for it runs for each."""
    if (reason, exists) not in KEPT_WHILE[kind]:
        KEPT_WHILE[kind].append((reason, exists))
