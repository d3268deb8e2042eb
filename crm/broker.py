"""The broker asked directly: does it answer, how many wake-ups wait in its queues, and which workers listen to them?"""

from __future__ import annotations

from django.conf import settings
from redis import Redis

QUEUES = ("default", "delivery", "jobs")
FORGOTTEN_SECONDS = 86_400
# By the broker's clock, so that workers on machines whose clocks differ are told apart from silent ones.
_SIGN = "redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1])"
_SIGNS = """
local now, found = tonumber(redis.call('TIME')[1]), redis.call('HGETALL', KEYS[1])
local signs = {}
for i = 1, #found, 2 do
  local age = now - tonumber(found[i + 1])
  if age > tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], found[i])
  else signs[#signs + 1] = found[i]; signs[#signs + 1] = tostring(math.max(0, age)) end
end
return signs
"""


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


def sign_of_life(worker: str) -> None:
    """Leave word that this worker listens. Raises when the broker does not answer."""
    with _connect() as valkey:
        valkey.eval(_SIGN, 1, _workers_key(), worker)


def sign_off(worker: str) -> None:
    """A worker that ends on purpose is not one that fell silent."""
    with _connect() as valkey:
        valkey.hdel(_workers_key(), worker)


def workers() -> dict[str, int]:
    """Worker → seconds since it last gave a sign; those silent for a day are forgotten."""
    with _connect() as valkey:
        found = [item.decode() for item in valkey.eval(_SIGNS, 1, _workers_key(), FORGOTTEN_SECONDS)]
    return {name: int(age) for name, age in sorted(zip(found[::2], found[1::2], strict=True))}


def _workers_key() -> str:
    return f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}workers"
