"""Topics: what somebody subscribes to. They are archived, never deleted: the ledger refers to them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.consent.models import Topic
from crm.accounts.models import User
from crm.audit.services import Change, record

FIELDS = ("code", "name", "names", "description", "descriptions", "is_public", "position")


def create_topic(*, actor: User | None, **values: Any) -> Topic:
    """A new topic; `values` are FIELDS. Nobody is subscribed to it by that. Raises ValidationError."""
    topic = Topic(**values)
    topic.index_text()
    topic.full_clean()
    with transaction.atomic():
        topic.save()
        changes: list[Change] = [(name, None, getattr(topic, name)) for name in FIELDS]
        record(verb="topic.created", target=topic, actor=actor, changes=changes, summary=topic.name, event={})
    return topic


def edit_topic(*, topic: Topic, actor: User | None, **values: Any) -> Topic:
    """Change FIELDS of a topic. Raises ValidationError."""
    with transaction.atomic():
        topic = Topic.objects.select_for_update().get(pk=topic.pk)
        changes: list[Change] = [
            (name, getattr(topic, name), value) for name, value in values.items() if getattr(topic, name) != value
        ]
        for name, _before, value in changes:
            setattr(topic, name, value)
        topic.index_text()
        topic.full_clean()
        if changes:
            topic.save(update_fields=[*(name for name, *_rest in changes), "updated_at"])
            record(verb="topic.edited", target=topic, actor=actor, changes=changes, summary=topic.name, event={})
    return topic


def archive_topic(*, topic: Topic, actor: User | None) -> Topic:
    """Take a topic out of use: no new permission, no new mailing. What was said about it stays in the ledger."""
    return _set_archived(topic=topic, actor=actor, is_archived=True)


def restore_topic(*, topic: Topic, actor: User | None) -> Topic:
    """Put an archived topic back into use, with the permissions that it had."""
    return _set_archived(topic=topic, actor=actor, is_archived=False)


def _set_archived(*, topic: Topic, actor: User | None, is_archived: bool) -> Topic:
    with transaction.atomic():
        topic = Topic.objects.select_for_update().get(pk=topic.pk)
        if bool(topic.archived_at) == is_archived:
            return topic
        before, topic.archived_at = topic.archived_at, timezone.now() if is_archived else None
        topic.save(update_fields=["archived_at", "updated_at"])
        verb = "topic.archived" if is_archived else "topic.restored"
        changes: list[Change] = [("archived_at", before, topic.archived_at)]
        record(verb=verb, target=topic, actor=actor, changes=changes, summary=topic.name, event={})
    return topic
