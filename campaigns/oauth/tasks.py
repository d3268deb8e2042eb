"""Celery's door to tokens."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from campaigns.mailings.models import Transport
from campaigns.oauth.tokens import renew_unused
from campaigns.outreach.models import Inbox


@shared_task(name="campaigns.oauth.renew_unused", ignore_result=True)
def renew(*args: Any) -> None:
    """Once in most of a day for each: a yes that was taken back is known before a mailing needs it."""
    for model in (Transport, Inbox):
        renew_unused(model)
