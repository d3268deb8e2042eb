"""Merge fields of how we stand with the recipient's institution: the drive's ask, its position, its next commitment, the last contact, the network,
the delegation for which it names people.

One expression each, used by the audience of a mailing and by previews alike; a text that does not use a field does not pay for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import timezone

from campaigns.guard.queries import touches_sql
from campaigns.mailings.fields import FIELDS, Scalar, answers_in
from campaigns.mailings.models import Mailing
from campaigns.positions.ladder import Stance

TOUCH_DAYS = 90
_ASK = "(SELECT ask.id FROM campaigns_ask ask WHERE ask.drive_id = %(drive)s AND ask.archived_at IS NULL ORDER BY ask.place, ask.sort_key, ask.id LIMIT 1)"
_STANCE = "CASE position.stance " + " ".join(f"WHEN {s.value} THEN '{s.code}'" for s in Stance) + " END"
_OPEN = (
    "FROM campaigns_commitment promise WHERE promise.organization_id = {org} AND promise.drive_id = %(drive)s AND promise.state = 'open'"
    " ORDER BY promise.due_on, promise.id LIMIT 1"
)
_MEMBER = (
    "FROM campaigns_member n JOIN campaigns_network w ON w.id = n.network_id JOIN campaigns_drive d ON d.campaign_id = w.campaign_id"
    " WHERE d.id = %(drive)s AND n.organization_id = {org} AND n.left_at IS NULL AND w.archived_at IS NULL ORDER BY n.joined_at, n.id LIMIT 1"
)
_NAMES = (
    "FROM campaigns_nominator n JOIN campaigns_delegation g ON g.id = n.delegation_id JOIN campaigns_event e ON e.id = g.event_id"
    " JOIN campaigns_composition c ON c.event_id = e.id WHERE e.drive_id = %(drive)s AND n.organization_id = {org} AND n.revoked_at IS NULL"
    " AND g.left_out_at IS NULL AND e.cancelled_at IS NULL AND e.ends_at > %(moment)s::timestamptz ORDER BY e.starts_at, n.id LIMIT 1"
)
_THEIRS = (
    "delegation_id = g.id AND role = 'delegate' AND (n.constituency_id IS NULL OR constituency_id = n.constituency_id)"
)
_FIELDS = {
    "ask.name": "(SELECT coalesce(ask.names->>{language}, ask.name) FROM campaigns_ask ask WHERE ask.id = " + _ASK + ")",
    "position.stance": f"(SELECT {_STANCE} FROM campaigns_position position WHERE position.organization_id = {{org}} AND position.ask_id = {_ASK})",  # noqa: S608
    "commitment.text": f"(SELECT promise.text {_OPEN})",
    "commitment.due_on": f"(SELECT promise.due_on::text {_OPEN})",
    "contact.last_on": (
        "(SELECT (max(party.at) AT TIME ZONE %(zone)s)::date::text FROM campaigns_party party"
        " WHERE party.organization_id = {org} AND party.is_two_way AND NOT party.is_mention)"
    ),
    "contact.touches": "(" + touches_sql(org="{org}", since=f"%(moment)s::timestamptz - interval '{TOUCH_DAYS} days'", now="%(moment)s::timestamptz") + ")",
    "network.name": f"(SELECT coalesce(w.names->>{{language}}, w.name) {_MEMBER})",
    "network.member_since": f"(SELECT (n.joined_at AT TIME ZONE %(zone)s)::date::text {_MEMBER})",
    "delegation.event": f"(SELECT coalesce(e.names->>{{language}}, e.name) {_NAMES})",
    "delegation.names_until": f"(SELECT coalesce(g.nominate_by, c.nominate_by)::text {_NAMES})",
    "delegation.empty_seats": (
        f"(SELECT greatest(0, (SELECT coalesce(sum(seats), 0) FROM campaigns_delegationseats WHERE {_THEIRS})"  # noqa: S608
        f" - (SELECT count(*) FROM campaigns_nomination WHERE {_THEIRS} AND state IN ('proposed', 'accepted')))::int {_NAMES})"
    ),
    "owner.name": (
        "(SELECT looks.name FROM campaigns_contactguard guard JOIN crm_user looks ON looks.id = guard.owner_id"
        " WHERE guard.organization_id = {org})"
    ),
}  # fmt: skip


def fields_sql(*, organization: str, language: str) -> dict[str, str]:
    """path → SQL; the arguments are SQL of the institution's id and of the language of the text. Uses the placeholders of `values_of`."""
    return {path: sql.replace("{org}", organization).replace("{language}", language) for path, sql in _FIELDS.items()}


def fields_shown(mailing: Mailing) -> set[str]:
    """All merge fields but those of this module that no text of the mailing names, and the answers that one does: a million times ten
    look-ups are for nobody."""
    texts = " ".join(
        " ".join(map(str, row)) for row in mailing.variants.values_list("subject", "preheader", "body_html", "text")
    )
    return {path for path in FIELDS if path not in _FIELDS or path in texts} | answers_in(texts)


def values_of(mailing: Mailing, moment: datetime) -> dict[str, Any]:
    return {"drive": mailing.drive_id, "zone": str(ZoneInfo(mailing.send_zone or settings.TIME_ZONE)), "moment": moment}


def relations_of(mailing: Mailing, organization: int | None, language: str) -> dict[str, Scalar]:
    """The fields of one institution, as they stand now."""
    sql = fields_sql(organization="%(organization)s::bigint", language="%(language)s::text")
    values = {**values_of(mailing, timezone.now()), "organization": organization, "language": language}
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(sql.values()), values)
        [row] = cursor.fetchall()
    return dict(zip(sql, row, strict=True))
