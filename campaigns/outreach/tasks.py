"""Claim, act, record: each message by itself, so that a broken one fails alone."""

import logging
import smtplib
import time

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from campaigns.delivery.waking import post
from campaigns.outreach import forwarding, inboxes, intake, services
from campaigns.outreach.models import InboundMessage, Inbox
from crm.one_by_one import one_by_one

logger = logging.getLogger(__name__)
BATCH = 500
SECONDS = 40  # of the 60 that a task has


@shared_task(name="campaigns.outreach.read_inboxes")
def read_inboxes() -> int:
    """Give each mailbox that is due a task of its own; returns how many there were."""
    due = list(Inbox.objects.due(timezone.now()).values_list("pk", flat=True))
    for inbox_id in due:
        post(read_inbox, inbox_id)
    return len(due)


@shared_task(name="campaigns.outreach.read_inbox")
def read_inbox(inbox_id: int) -> int:
    """One round over one mailbox, and the next at once where more waits; returns how many messages were filed."""
    done = inboxes.read_inbox(inbox_id=inbox_id)
    if done is None:
        return 0
    if not done.is_over:
        post(read_inbox, inbox_id)
    return done.filed


@shared_task(name="campaigns.outreach.handle_inbound")
def handle_inbound() -> int:
    """Take in the folder, classify what is new, forward replies; returns how many messages were classified."""
    until = time.monotonic() + SECONDS
    intake.take_in_folder(settings.SPOOL_DIR / "inbound")
    handled = one_by_one(
        list(InboundMessage.objects.waiting().values_list("pk", flat=True)[:BATCH]),
        handle=lambda pk: services.handle(inbound_id=pk),
        give_up=lambda pk, why: services.give_up(inbound_id=pk, why=why),
        what="inbound message",
        until=until,
    )
    for inbound_id in list(InboundMessage.objects.to_forward().values_list("pk", flat=True)[:BATCH]):
        if time.monotonic() > until:
            break
        try:
            forwarding.forward(inbound_id=inbound_id)
        except (OSError, smtplib.SMTPException) as error:
            logger.warning("replies wait for the mail server: %s", error)
            break
    return handled
