"""What deliveries and what came of them hold about a person: numbers stay, whoever they were about goes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.models import Delivery, Feedback
from campaigns.engagement.models import DeliveryEngagement, EngagementDay
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import InboundMessage
from contacts.consent.erasure.registry import PersonalData, addresses_of, register_erasure
from contacts.consent.erasure.texts import json_like, pattern, run

# the key must stay unique within a mailing, and there for whatever was not skipped; this one says nothing
FORGOTTEN = "erased:"
_THEIRS = "(SELECT mailing_id, seq FROM delivery WHERE person_id = ANY (%s))"
# visible copies of letters to them: another's messages with their name in
_COPIES = (
    "SELECT c.mailing_id, c.seq FROM delivery own JOIN campaigns_mailing m ON m.id = own.mailing_id AND m.copies_to_id IS NOT NULL"
    " JOIN delivery c ON c.mailing_id = own.mailing_id AND c.copy_of = own.seq WHERE own.person_id = ANY (%s)"
)


def stamp(moment: Any) -> Any:
    return moment.isoformat() if moment else None


# --- deliveries ---------------------------------------------------------------------------------------------------------
def _deliveries(data: PersonalData) -> Any:
    return Delivery.objects.filter(person_id__in=data.person_ids)


def erase_deliveries(data: PersonalData) -> int:
    """What waits never leaves; of all the rest the outcome stays, with the institution's side of the capacity."""
    ids = [data.person_ids]
    run(
        f"WITH waiting AS (SELECT mailing_id, seq FROM delivery WHERE (mailing_id, seq) IN ({_THEIRS} UNION {_COPIES})"  # noqa: S608
        " AND state IN ('pending', 'deferred')"
        " ORDER BY mailing_id, seq FOR UPDATE)"
        " UPDATE delivery d SET state = 'cancelled', settled_at = now() FROM waiting w"
        " WHERE d.mailing_id = w.mailing_id AND d.seq = w.seq AND d.state IN ('pending', 'deferred')",
        ids * 2,
    )
    run(
        f"DELETE FROM campaigns_deliveryretry r USING ({_COPIES}) c WHERE r.mailing_id = c.mailing_id AND r.seq = c.seq",  # noqa: S608
        ids,
    )
    run(
        f"UPDATE delivery d SET fields = '{{}}' FROM ({_COPIES}) c WHERE d.mailing_id = c.mailing_id AND d.seq = c.seq"  # noqa: S608
        " AND d.fields <> '{}'",
        ids,
    )
    run(f"DELETE FROM campaigns_deliveryretry WHERE (mailing_id, seq) IN {_THEIRS}", ids)  # noqa: S608 our own words
    run(f"DELETE FROM campaigns_deliveryevidence WHERE (mailing_id, seq) IN {_THEIRS}", ids)  # noqa: S608 our own words
    count = run(
        "UPDATE delivery SET address = '', address_hash = NULL, fields = '{}', post_id = NULL, contact_point_id = NULL,"
        f" reply_text = '', address_key = CASE WHEN address_key IS NULL THEN NULL ELSE '{FORGOTTEN}' || mailing_id || '.' || seq END"
        " WHERE person_id = ANY (%s) AND (address <> '' OR address_hash IS NOT NULL OR fields <> '{}' OR reply_text <> ''"
        f" OR post_id IS NOT NULL OR contact_point_id IS NOT NULL OR address_key NOT LIKE '{FORGOTTEN}%%')",
        ids,
    )
    return count + _erase_mentions(data)


def _erase_mentions(data: PersonalData) -> int:
    """Answers of servers that quote their address under another's delivery, and copies of merge fields that name them."""
    if not data.needles:
        return 0
    found, words = json_like(data.needles), pattern(data.needles)
    count = run("UPDATE delivery SET reply_text = '' WHERE reply_text <> '' AND reply_text ILIKE ANY (%s) AND reply_text ~* %s", [found, words])  # fmt: skip
    run("UPDATE campaigns_serviceevent SET detail = '' WHERE detail <> '' AND detail ILIKE ANY (%s) AND detail ~* %s", [found, words])  # fmt: skip
    return count + run(
        "UPDATE campaigns_feedback SET reason = '' WHERE reason <> '' AND reason ILIKE ANY (%s) AND reason ~* %s",
        [found, words],
    )


def export_deliveries(data: PersonalData) -> list[dict[str, Any]]:
    rows = list(_deliveries(data).order_by("mailing_id", "seq"))
    names = dict(Mailing.objects.filter(pk__in={row.mailing_id for row in rows}).values_list("pk", "name"))
    return [
        {
            "mailing": names.get(row.mailing_id, ""), "address": row.address, "outcome": row.state,
            "skipped_because": row.skip_reason, "language": row.language, "copied_fields": {} if row.copy_of else row.fields,
            "constituency": row.constituency_code, "country": row.country_code, "settled_at": stamp(row.settled_at),
            "answer": row.reply_text,
        }
        for row in rows
    ]  # fmt: skip


def past_addresses(person_ids: list[int]) -> Iterable[str]:
    """Addresses that messages to these people went to."""
    rows = Delivery.objects.filter(person_id__in=person_ids, address_key__isnull=False)
    keys = rows.exclude(address_key__startswith=FORGOTTEN).values_list("address_key", flat=True).distinct()
    return [key for key in keys if key]


# --- engagement ---------------------------------------------------------------------------------------------------------
def count_engagement(data: PersonalData) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM engagement WHERE (mailing_id, seq) IN {_THEIRS}", [data.person_ids])  # noqa: S608
        return int(cursor.fetchone()[0])


def erase_engagement(data: PersonalData) -> int:
    count = run(
        f"UPDATE engagement SET ip = NULL, user_agent = '' WHERE (mailing_id, seq) IN {_THEIRS}"  # noqa: S608
        " AND (ip IS NOT NULL OR user_agent <> '')",
        [data.person_ids],
    )
    DeliveryEngagement.objects.filter(person_id__in=data.person_ids).update(person_id=None)
    EngagementDay.objects.filter(person_id__in=data.person_ids).delete()
    return count


def export_engagement(data: PersonalData) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.name, e.at, e.kind, e.hit_class, host(e.ip), e.user_agent, l.url FROM engagement e"  # noqa: S608
            " JOIN campaigns_mailing m ON m.id = e.mailing_id"
            " LEFT JOIN campaigns_trackedlink l ON l.mailing_id = e.mailing_id AND l.number = e.link_number AND e.kind = 'click'"
            f" WHERE (e.mailing_id, e.seq) IN {_THEIRS} ORDER BY e.at",
            [data.person_ids],
        )
        names = ("mailing", "at", "kind", "by", "network_address", "program", "link")
        return [dict(zip(names, (row[0], stamp(row[1]), *row[2:]), strict=True)) for row in cursor.fetchall()]


# --- feedback, inbound messages ---------------------------------------------------------------------------
def _inbound_sql(data: PersonalData) -> tuple[str, list[Any]]:
    """Messages about their deliveries, from their address, of their interactions; and those nobody knew that name the address."""
    sql = (
        f"((mailing_id, seq) IN {_THEIRS} OR id IN (SELECT inbound_id FROM campaigns_interaction WHERE person_id = ANY (%s))"
        " OR lower(sender) = ANY (%s)"
    )
    values: list[Any] = [data.person_ids, data.person_ids, data.keys]
    if data.keys:
        sql += " OR (state <> 'handled' AND encode(raw, 'escape') ILIKE ANY (%s))"
        values.append(json_like(data.keys))
    return sql + ")", values


def count_inbound(data: PersonalData) -> int:
    where, values = _inbound_sql(data)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM campaigns_inboundmessage WHERE raw <> '' AND {where}", values)  # noqa: S608
        return int(cursor.fetchone()[0]) + len(_letters(data))


def erase_inbound(data: PersonalData) -> int:
    """Raw messages go, also those still lying in the folder; a reply that was not forwarded yet is not forwarded any more."""
    where, values = _inbound_sql(data)
    count = run(
        "UPDATE campaigns_inboundmessage SET raw = '', sender = '', note = '', handled_at = coalesce(handled_at, now()),"  # noqa: S608
        " forwarded_at = CASE WHEN kind = 'reply' THEN coalesce(forwarded_at, now()) ELSE forwarded_at END,"
        f" state = CASE WHEN state = 'new' THEN 'unmatched' ELSE state END WHERE raw <> '' AND {where}",
        values,
    )
    run(
        f"UPDATE campaigns_feedback SET reason = '' WHERE reason <> '' AND (mailing_id, seq) IN {_THEIRS}",  # noqa: S608
        [data.person_ids],
    )
    run(
        f"UPDATE campaigns_serviceevent SET detail = '', note = '' WHERE (mailing_id, seq) IN {_THEIRS}",  # noqa: S608
        [data.person_ids],
    )
    for path in _letters(data):
        path.with_suffix(".json").unlink(missing_ok=True)  # a letter without its envelope is not looked at again
        path.unlink(missing_ok=True)
        count += 1
    return count


def _letters(data: PersonalData) -> list[Path]:
    """Letters in the spool's inbound folder that nobody took in yet and that name an address of theirs."""
    wanted = [key.encode() for key in data.keys]
    found = []
    for path in (Path(settings.SPOOL_DIR) / "inbound").glob("*.eml") if wanted else []:
        try:
            envelope = path.with_suffix(".json")
            text = (path.read_bytes() + (envelope.read_bytes() if envelope.exists() else b"")).lower()
        except FileNotFoundError:
            continue  # taken in meanwhile
        if any(key in text for key in wanted):
            found.append(path)
    return found


def export_feedback(data: PersonalData) -> list[dict[str, Any]]:
    pairs = set(_deliveries(data).values_list("mailing_id", "seq"))
    rows = Feedback.objects.filter(mailing_id__in={pair[0] for pair in pairs}, seq__in={pair[1] for pair in pairs})
    return [
        {"kind": row.kind, "status": row.status, "reason": row.reason, "at": stamp(row.at)}
        for row in rows.order_by("at")
        if (row.mailing_id, row.seq) in pairs
    ]


def export_inbound(data: PersonalData) -> list[dict[str, Any]]:
    where, values = _inbound_sql(data)
    rows = InboundMessage.objects.raw(
        f"SELECT * FROM campaigns_inboundmessage WHERE raw <> '' AND {where} ORDER BY id", values  # noqa: S608
    )  # fmt: skip
    return [
        {
            "kind": row.kind, "from": row.sender, "to": row.recipient, "received_at": stamp(row.received_at),
            "message": bytes(row.raw).decode("utf-8", "replace"),
        }
        for row in rows
    ]  # fmt: skip


def register() -> None:
    addresses_of(past_addresses)
    register_erasure(
        "inbound", _("Mail that came back"), count=count_inbound, erase=erase_inbound, export=export_inbound, order=80,
        goes=_("The messages as they came, also those not read yet, and what servers said."),
        stays=_("That something came back, so that reports add up."),
    )  # fmt: skip
    register_erasure(
        "feedback", _("Bounces and complaints"), count=lambda data: len(export_feedback(data)), erase=lambda data: 0,
        export=export_feedback, order=81, stays=_("The kind and the day of each, for the report."),
    )  # fmt: skip
    register_erasure(
        "engagement", _("Opens and clicks"), count=count_engagement, erase=erase_engagement, export=export_engagement,
        order=100, goes=_("Network addresses and programs, and every count that is kept by person."),
        stays=_("Totals of each mailing."),
    )  # fmt: skip
    register_erasure(
        "deliveries", _("Messages sent to them"), count=lambda data: _deliveries(data).count(), erase=erase_deliveries,
        export=export_deliveries, order=110, goes=_("Address, merge fields and seat. What waits to be sent never leaves."),
        stays=_("That a message went out and what became of it, so that every report adds up."),
    )  # fmt: skip
