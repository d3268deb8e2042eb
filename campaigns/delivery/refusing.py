"""What a server's “no such address” means beyond its own delivery: as a bounce, the address is suppressed for whoever has it."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from campaigns.delivery.lines import Connection
from contacts.consent.addresses import address_hash
from contacts.consent.services.suppressions import BOUNCED

_SUPPRESS = """
INSERT INTO contacts_suppression (address_hash, key_id, reason, source, at)
SELECT t.hash, t.key_id, 'invalid', %s, now() FROM unnest(%s::bytea[], %s::varchar[]) AS t(hash, key_id) ORDER BY t.hash
ON CONFLICT (address_hash) DO NOTHING"""


async def suppress_refused(connection: Connection, address_keys: Iterable[str], *, status: str) -> None:
    """In the transaction of the result, so without the services, which are not asynchronous; the rows are theirs to the letter.

    In the order of the hashes, like theirs, so that two never wait for each other. What of other mailings waits for the address
    is stopped by the compare-and-set, which asks for suppressions.
    """
    keys = sorted(set(address_keys))
    rows = [(address_hash(key, key_id=key_id), key_id) for key in keys for key_id in settings.ADDRESS_KEYS]
    source = f"{BOUNCED}: {status}"[:120]
    await connection.execute(_SUPPRESS, [source, [hash for hash, _key_id in rows], [key_id for _hash, key_id in rows]])
