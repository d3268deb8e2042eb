"""Changing senders and transports. What a mailing was approved with is part of its hash, so a change here is noticed."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.models import Sender, Transport
from campaigns.oauth.consent import carry_tokens
from crm.accounts.models import User
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid

DOTS = "•••"  # what stands for a password wherever people look
SENDER_FIELDS = ("name", "email", "reply_to", "per_second")
TRANSPORT_FIELDS = (
    "name", "kind", "service", "url", "max_connections", "messages_per_connection", "per_second", "leaves_from", "is_default",
    "takes_own_mail", "sign_in", "token_service", "token_grant", "token_url", "consent_url", "client_id", "scope",
)  # fmt: skip


def save_sender(*, sender: Sender, actor: User) -> Sender:
    """Create or change a sender."""
    before = Sender.objects.filter(pk=sender.pk).first()
    if before is None or before.email.lower() != sender.email.lower():
        sender.confirmation_sent_at = None  # no mail has gone to this address yet
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
    _set_archived(row=sender, actor=actor, is_archived=True)


def restore_sender(*, sender: Sender, actor: User) -> None:
    _set_archived(row=sender, actor=actor, is_archived=False)


def archive_transport(*, transport: Transport, actor: User) -> None:
    """Offer it to nobody any more; mailings that have it keep it. The default one gives up its place first."""
    if transport.is_default and Transport.objects.filter(archived_at__isnull=True).exclude(pk=transport.pk).exists():
        raise Conflict(
            _("New mailings use “%(name)s”. Choose another default first, then archive it.") % {"name": transport.name},
            code="default_transport",
        )
    _set_archived(row=transport, actor=actor, is_archived=True)


def restore_transport(*, transport: Transport, actor: User) -> None:
    _set_archived(row=transport, actor=actor, is_archived=False)


def _set_archived(*, row: Sender | Transport, actor: User, is_archived: bool) -> None:
    """Pressed twice, done once."""
    with transaction.atomic():
        fresh = type(row)._default_manager.select_for_update().get(pk=row.pk)
        if bool(fresh.archived_at) == is_archived:
            return
        before, fresh.archived_at = fresh.archived_at, timezone.now() if is_archived else None
        fields = ["archived_at", "updated_at"]
        if isinstance(fresh, Transport) and is_archived and fresh.is_default:
            fresh.is_default = False
            fields.append("is_default")
        if isinstance(fresh, Transport) and is_archived and fresh.takes_own_mail:
            fresh.takes_own_mail = False  # it leaves by EMAIL_URL again
            fields.append("takes_own_mail")
        fresh.save(update_fields=fields)
        verb = f"{fresh._meta.model_name}.{'archived' if is_archived else 'restored'}"
        record(verb=verb, target=fresh, actor=actor, changes=[("archived_at", before, fresh.archived_at)])


def without_password(url: str) -> str:
    """An address as it may be shown and logged."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{DOTS}@{host}"))


def save_transport(*, transport: Transport, actor: User) -> Transport:
    """Create or change a transport; the default one, and the one for own mail, give way to a new one."""
    with transaction.atomic():
        before = Transport.objects.select_for_update().filter(pk=transport.pk).first()
        carry_tokens(transport, before)
        if transport.is_default:
            Transport.objects.filter(is_default=True).exclude(pk=transport.pk).update(is_default=False)
        if transport.takes_own_mail:
            Transport.objects.filter(takes_own_mail=True).exclude(pk=transport.pk).update(takes_own_mail=False)
        transport.failures, transport.open_until, transport.last_error = 0, None, ""
        transport.save()
        changes: list[Change] = [
            (name, _shown(getattr(before, name, None)), _shown(getattr(transport, name))) for name in TRANSPORT_FIELDS
        ]
        is_other_password = before and before.url != transport.url and _shown(before.url) == _shown(transport.url)
        if is_other_password or (before and before.service_settings != transport.service_settings):
            changes.append(("password", DOTS, _("%(dots)s (another one)") % {"dots": DOTS}))
        if before and before.client_secret != transport.client_secret:
            changes.append(("client_secret", DOTS, _("%(dots)s (another one)") % {"dots": DOTS}))
        verb = "transport.edited" if before else "transport.created"
        record(verb=verb, target=transport, actor=actor, changes=[c for c in changes if c[1] != c[2]])
    return transport


def _shown(value: object) -> object:
    return without_password(value) if isinstance(value, str) and "://" in value else value
