import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from campaigns.files.storage import release_unowned
from campaigns.forms import filing

SECONDS = 40  # a task has 60; the next one goes on in a few


@shared_task(name="campaigns.forms.file_received")
def file_received() -> int:
    """Give answers that arrived to their person, or to the colleague who decides; safe to run twice."""
    return filing.file_received(until=time.monotonic() + SECONDS)


@shared_task(name="campaigns.forms.release_uploads")
def release_uploads() -> int:
    """Files that came with a wish which was not taken go after a day; safe to run twice."""
    return release_unowned(before=timezone.now() - timedelta(days=1))
