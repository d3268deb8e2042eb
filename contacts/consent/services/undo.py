"""How a change of a topic is taken back. The ledger and suppressions are not: what was said stays said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from contacts.consent.models import Topic
from crm.accounts.models import User
from crm.audit.restoring import with_values_back


def restore_topic_values(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Put fields of a topic back; a new one is archived, for somebody may have subscribed to it by now."""
    topic = with_values_back(Topic, uid=uid, values=values, expected=expected, actor=actor)
    if topic is None:
        return
    topic.index_text()
    topic.full_clean()
    topic.save()
