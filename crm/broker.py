"""The broker asked directly: does it answer, and how many wake-ups wait in its queues?"""

from __future__ import annotations

from django.conf import settings
from redis import Redis

QUEUES = ("default", "delivery", "jobs")


def _connect() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def ping() -> None:
    """Raise when the broker does not answer."""
    with _connect() as valkey:
        valkey.ping()


def queue_lengths() -> dict[str, int]:
    """Queue → messages that no worker has taken yet."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    with _connect() as valkey, valkey.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.llen(f"{prefix}{queue}")
        return dict(zip(QUEUES, asked.execute(), strict=True))
