"""How a change of a topic is taken back. The ledger and suppressions are not: what was said stays said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.consent.models import Topic
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import as_json
from crm.errors import Conflict, NotAllowed


def restore_topic_values(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Put fields of a topic back; a new one is archived, for somebody may have subscribed to it by now."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    topic = Topic.objects.select_for_update().filter(uid=uid).first()
    if topic is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if "name" in values and values["name"] is None:
        topic.archived_at = topic.archived_at or timezone.now()
        topic.save(update_fields=["archived_at", "updated_at"])
        return
    if any(as_json(getattr(topic, field)) != value for field, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for field, value in values.items():
        setattr(topic, field, parse_datetime(value) if field == "archived_at" and value else value)
    topic.index_text()
    topic.full_clean()
    topic.save()
