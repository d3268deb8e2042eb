from celery import shared_task
from django.conf import settings
from django.utils import timezone

from campaigns.engagement import drain as draining
from campaigns.engagement import partitions


@shared_task(name="campaigns.engagement.drain")
def drain() -> int:
    """Take in what `track` wrote since; safe to run anywhere that sees its spool, any number of times."""
    return draining.drain(settings.SPOOL_DIR / "hits")


@shared_task(name="campaigns.engagement.make_partitions")
def make_partitions() -> list[str]:
    """Make the months ahead."""
    return partitions.make_partitions(today=timezone.now().date())
