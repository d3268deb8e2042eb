"""Changing senders and transports. What a mailing was approved with is part of its hash, so a change here is noticed."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.models import Sender, Transport
from crm.accounts.models import User
from crm.audit.services import Change, record
from crm.errors import Invalid

SENDER_FIELDS = ("name", "email", "reply_to")
TRANSPORT_FIELDS = ("name", "kind", "url", "max_connections", "per_second", "is_default")


def save_sender(*, sender: Sender, actor: User) -> Sender:
    """Create or change a sender."""
    before = Sender.objects.filter(pk=sender.pk).first()
    try:
        with transaction.atomic():
            sender.save()
            changes: list[Change] = [
                (name, getattr(before, name, None), getattr(sender, name)) for name in SENDER_FIELDS
            ]
            verb = "sender.edited" if before else "sender.created"
            record(verb=verb, target=sender, actor=actor, changes=[c for c in changes if c[1] != c[2]])
    except IntegrityError:
        raise Invalid(_("There is a sender with this name and address already."), code="sender_exists") from None
    return sender


def archive_sender(*, sender: Sender, actor: User) -> None:
    """Offer it to nobody any more; mailings that have it keep it."""
    with transaction.atomic():
        sender.archived_at = timezone.now()
        sender.save(update_fields=["archived_at", "updated_at"])
        record(verb="sender.archived", target=sender, actor=actor)


def without_password(url: str) -> str:
    """An address as it may be shown and logged."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:•••@{host}"))


def save_transport(*, transport: Transport, actor: User) -> Transport:
    """Create or change a transport; the default one gives way to a new default."""
    before = Transport.objects.filter(pk=transport.pk).first()
    with transaction.atomic():
        if transport.is_default:
            Transport.objects.filter(is_default=True).exclude(pk=transport.pk).update(is_default=False)
        transport.failures, transport.open_until, transport.last_error = 0, None, ""
        transport.save()
        changes: list[Change] = [
            (name, _shown(getattr(before, name, None)), _shown(getattr(transport, name))) for name in TRANSPORT_FIELDS
        ]
        verb = "transport.edited" if before else "transport.created"
        record(verb=verb, target=transport, actor=actor, changes=[c for c in changes if c[1] != c[2]])
    return transport


def _shown(value: object) -> object:
    return without_password(value) if isinstance(value, str) and "://" in value else value
