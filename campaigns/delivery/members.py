"""The audience of a mailing: every member of its segment with address, capacity, variant, fields, and why not.

One SQL query answers all of it. `audience_sql` is what pre-flight counts, what the approver sees, and what freeze inserts,
so the three cannot disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from campaigns.delivery import copies, relations
from campaigns.delivery.models import SkipReason
from campaigns.guard.queries import guarded_sql, guards_anything
from campaigns.mailings import answers
from campaigns.mailings.fields import is_answer
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from contacts.consent.queries import permission_join_sql, suppression_join_sql
from contacts.directory.reference import COVERAGE
from contacts.greetings.queries import texts_for
from contacts.greetings.wording import COLUMNS_SQL, address_sql
from contacts.segments.compiler import CompiledSegment, compile_segment
from contacts.segments.erased import erased_of_lists
from contacts.segments.models import Selects

# The columns of the query, in the order in which freeze inserts them (behind mailing_id, seq and state).
COLUMNS = (
    "reason",
    "also",
    "address",
    "address_key",
    "address_hash",
    "variant_id",
    "person_id",
    "post_id",
    "organization_id",
    "contact_point_id",
    "constituency_code",
    "country_code",
    "language",
    "is_tracked",
    "fields",
)
# What the query reads: their statistics decide between a second and minutes.
TABLES = (
    "contacts_person",
    "contacts_membership",
    "contacts_organization",
    "contacts_post",
    "contacts_contactpoint",
    "contacts_consentstate",
    "contacts_suppression",
)
# Every copy names whom it was for, whatever the text says.
_ALWAYS = ("person.name", "organization.name", "country.name")
# Made from the table of forms of address, and only for texts that use them.
_ADDRESS = {"person.greeting", "person.formal_name"}
_SAID = "person.pronunciation"
_NAMED = re.compile(r"%\((\w+)\)s")

# The order of somebody's addresses, least first: usable before unusable, preferred first, then the oldest. It is one number,
# because the planner takes one comparison that it knows nothing about for one in three: it never thinks that an address
# is left over for one person only, however old its statistics, and so never joins them one by one.
_RANK = "((({0}.status <> 'active')::int::bigint << 61) | ((NOT {0}.is_preferred)::int::bigint << 60) | {0}.id)"
# A person and the institution of the current primary membership; the address than which no other goes first.
_PEOPLE = f"""
  SELECT p.id AS person_id, p.uid AS subject_uid, NULL::uuid AS other_uid, m.post_id, m.organization_id,
         p.sort_key,
         cp.id AS contact_point_id, cp.value, cp.address_key, cp.address_hash, cp.status,
         p.erased_at IS NOT NULL AS is_erased, p.last_mailed_at,
         p.name, p.names, p.given_name, p.family_name, p.honorific_prefix,/*address*/
         po.name AS post_name, po.names AS post_names, o.name AS org_name, o.names AS org_names, o.acronym,
         coalesce(c.code, 'IND') AS constituency_code, coalesce(c.root_code, 'IND') AS root_code,
         coalesce(o.country_id, p.country_id, '') AS country_code,
         coalesce(nullif(p.language, ''), nullif(o.language, '')) AS own_language
    FROM member
    JOIN contacts_person p ON p.id = member.id
    LEFT JOIN contacts_membership m ON m.person_id = p.id AND m.is_primary AND m.ended_on IS NULL
    LEFT JOIN contacts_organization o ON o.id = m.organization_id
    LEFT JOIN contacts_post po ON po.id = m.post_id
    LEFT JOIN contacts_constituency c ON c.id = o.constituency_id
    LEFT JOIN (SELECT a.* FROM contacts_contactpoint a WHERE a.kind = 'email' AND NOT EXISTS (
               SELECT 1 FROM contacts_contactpoint b WHERE b.person_id = a.person_id AND b.kind = 'email'
                  AND {_RANK.format("b")} < {_RANK.format("a")})) cp ON cp.person_id = p.id
"""
# An institution is reached through the holder of its head post, else at the post's address, else at its own. An address
# that may be used goes before one that may not; permission is the holder's for his address, the institution's for the rest.
_ORGANIZATIONS = """
  SELECT road.person_id, coalesce(p.uid, o.uid) AS subject_uid, o.uid AS other_uid, road.post_id, o.id AS organization_id,
         o.sort_key,
         road.id AS contact_point_id, road.value, road.address_key, road.address_hash, road.status,
         false AS is_erased, p.last_mailed_at,
         coalesce(p.name, '') AS name, p.names, coalesce(p.given_name, '') AS given_name,
         coalesce(p.family_name, '') AS family_name, coalesce(p.honorific_prefix, '') AS honorific_prefix,/*address*/
         po.name AS post_name, po.names AS post_names, o.name AS org_name, o.names AS org_names, o.acronym,
         c.code AS constituency_code, c.root_code,
         coalesce(o.country_id, '') AS country_code,
         coalesce(nullif(p.language, ''), nullif(o.language, '')) AS own_language
    FROM member
    JOIN contacts_organization o ON o.id = member.id
    JOIN contacts_constituency c ON c.id = o.constituency_id
    LEFT JOIN LATERAL (
         SELECT a.id, a.value, a.address_key, a.address_hash, a.status, w.person_id, w.post_id
           FROM (SELECT 1 AS rank, hp.id AS post_id, hm.person_id, NULL::bigint AS organization_id
                   FROM contacts_post hp JOIN contacts_membership hm ON hm.post_id = hp.id AND hm.ended_on IS NULL
                   JOIN contacts_person h ON h.id = hm.person_id AND h.archived_at IS NULL AND h.erased_at IS NULL
                  WHERE hp.organization_id = o.id AND hp.is_head AND hp.archived_at IS NULL
                 UNION ALL
                 SELECT 2, hp.id, NULL, NULL FROM contacts_post hp
                  WHERE hp.organization_id = o.id AND hp.is_head AND hp.archived_at IS NULL
                 UNION ALL
                 SELECT 3, NULL, NULL, o.id) w
           JOIN contacts_contactpoint a ON a.kind = 'email' AND (
                CASE w.rank WHEN 1 THEN a.person_id = w.person_id WHEN 2 THEN a.post_id = w.post_id
                            ELSE a.organization_id = w.organization_id END)
           LEFT JOIN contacts_person ap ON ap.id = w.person_id
           LEFT JOIN contacts_suppression never ON never.address_hash = a.address_hash
          WHERE a.person_id = w.person_id OR (w.rank = 2 AND a.post_id = w.post_id) OR a.organization_id = w.organization_id
          ORDER BY (never.id IS NULL AND a.status = 'active' AND EXISTS (
                    SELECT 1 FROM contacts_consentstate k WHERE k.subject_uid = coalesce(ap.uid, o.uid)
                       AND k.topic_id = %(topic)s AND k.channel = 'email' AND k.is_granted)) DESC,
                   (a.status = 'active') DESC, w.rank, a.is_preferred DESC, a.id LIMIT 1) road ON true
    LEFT JOIN contacts_person p ON p.id = road.person_id
    LEFT JOIN contacts_post po ON po.id = road.post_id
"""


@dataclass
class _Parts:
    """One query in the making: named placeholders become positional ones at the end."""

    values: dict[str, Any]

    def bind(self, sql: str) -> tuple[str, list[Any]]:
        names = _NAMED.findall(sql)
        return _NAMED.sub("%s", sql), [self.values[name] for name in names]


def audience_sql(
    mailing: Mailing,
    *,
    now: datetime | None = None,
    fields: Collection[str] | None = None,
    slots: Mapping[str, int] | None = None,
    first: int = 0,
    countries: Collection[str] | None = None,
) -> tuple[str, list[Any]]:
    """(sql, params): one row for each member of the segment within the mailing's scope.

    fields: the merge fields that are used, by default all; the names of person, institution and country always come along.
    slots: country code → number; rows are numbered in the order of these first. first: only so many members, by name, of these
    countries (None: of all), which is for an example of them and no audience.

    Columns as in COLUMNS, then `sort_key`, `root_code` and `seq` (1 to the audience). `reason` is NULL for those who get it, else the first
    SkipReason; `also` are the further ones. A mailing without a segment or a topic has nobody. Of a mailing with a rule for copies,
    also the copies behind the letters, and two columns more (see `copies.py`).
    """
    moment = now or timezone.now()
    nobody = CompiledSegment("SELECT NULL::bigint AS id WHERE false", ())
    compiled = compile_segment(mailing.segment, scope_countries=mailing.scope_countries) if mailing.segment else nobody
    people = compiled.selects == Selects.PEOPLE
    parts = _Parts(_values_of(mailing, moment, slots or {}))
    member = _member_sql(mailing, compiled, parts)
    if first:
        table = "contacts_person" if people else "contacts_organization"
        parts.values["countries"] = None if countries is None else list(countries)
        here = "" if countries is None else " AND t.country_id = ANY (%(countries)s)"
        member = (
            f"SELECT t.id FROM {table} t WHERE t.id IN ({member}){here} ORDER BY t.sort_key, t.id LIMIT {int(first)}"
        )
    variant, variant_language = _variant(mailing, parts.values)
    tests = _tests(mailing, parts.values["others"])
    answered = [path for path in fields or () if is_answer(path)]
    if answered:
        parts.values |= answers.values_of(mailing, answered, _languages(parts.values))
    sql = _judged_sql(
        member=member,
        reached=_reached_sql(parts, people=people, fields=fields),
        variant=variant,
        variant_language=variant_language,
        tests=tests,
        fields=_fields(fields, answered, people=people),
        tracks=mailing.tracks_people,
        more=copies.LETTER_COLUMNS if mailing.copies_to_id else "",
        is_slotted=bool(slots),
    )
    if mailing.copies_to_id:
        parts.values |= copies.values_of(mailing)
        sql = copies.with_copies(
            sql, _copies_sql(mailing, tests, is_slotted=bool(slots)), takes_institutions=not people
        )
    return parts.bind(sql)


def _values_of(mailing: Mailing, moment: datetime, slots: Mapping[str, int]) -> dict[str, Any]:
    """What the placeholders of every audience stand for."""
    return {
        "topic": mailing.topic_id or 0,
        "sender": mailing.sender.name if mailing.sender else "",
        "coverage": COVERAGE,
        "mailing": mailing.pk,
        "moment": moment,
        "day": moment.astimezone(ZoneInfo(mailing.send_zone or settings.TIME_ZONE)).date(),
        "guard": moment - timedelta(days=mailing.contact_guard_days),
        "others": _others_that_day(mailing, moment),
        "slots": json.dumps(dict(slots)),
        **relations.values_of(mailing, moment),
    }


def _member_sql(mailing: Mailing, compiled: CompiledSegment, parts: _Parts) -> str:
    """The segment's own query, its parameters named like all others."""
    parts.values |= {f"member{i}": value for i, value in enumerate(compiled.params)}
    numbers = iter(range(len(compiled.params)))
    member = re.sub(r"%s", lambda found: f"%(member{next(numbers)})s", compiled.sql)
    erased = erased_of_lists(mailing.segment) if mailing.segment and mailing.scope_countries is None else []
    if erased:  # no rule finds them any more; who approves the list must see that they are gone
        parts.values["erased"] = erased
        member = f"{member} UNION SELECT unnest(%(erased)s::bigint[])"
    return member


def _reached_sql(parts: _Parts, *, people: bool, fields: Collection[str] | None) -> str:
    """How each is reached, with the columns of greeting and pronunciation where a text has them: who is not greeted costs nothing."""
    reached = _PEOPLE if people else _ORGANIZATIONS
    if fields is None or not _ADDRESS.isdisjoint(fields):
        reached = reached.replace("/*address*/", f" {COLUMNS_SQL},/*address*/")
        parts.values["address"] = json.dumps(texts_for(_languages(parts.values)))
    if fields is None or _SAID in fields:
        reached = reached.replace("/*address*/", " coalesce(p.pronunciation, '') AS pronunciation,")
    return reached


def _copies_sql(mailing: Mailing, tests: dict[SkipReason, str], *, is_slotted: bool) -> str:
    """The institutions of the CTE `copied`, judged like any other; a copy is written in its letter's language."""
    own: dict[SkipReason, str] = {reason: test for reason, test in tests.items() if reason is not SkipReason.NO_VARIANT}
    own[SkipReason.SAME_ADDRESS] = copies.SAME_ADDRESS
    return _judged_sql(
        member="SELECT id FROM copied",
        reached=_ORGANIZATIONS,
        variant="0::bigint",
        variant_language="NULL::varchar",
        tests=own,
        fields=_fields(()),
        tracks=mailing.tracks_people,
        more="",
        is_slotted=is_slotted,
    )


def _judged_sql(
    *,
    member: str,
    reached: str,
    variant: str,
    variant_language: str,
    tests: dict[SkipReason, str],
    fields: str,
    tracks: bool,
    more: str,
    is_slotted: bool,
) -> str:
    """The query, with named placeholders. member: a query of the ids to reach."""
    first, every = _reasons(tests)
    # the order of addresses keeps updates of a batch close together; a slot's rows stand together besides
    order = "j.address_hash, j.may_keep, j.person_id NULLS LAST, j.organization_id"
    numbered = f"(ORDER BY (%(slots)s::jsonb ->> j.country_code)::int, {order})" if is_slotted else "w"
    return f"""
WITH member AS ({member}),
     coverage AS (
        SELECT DISTINCT ON (v.country_id) v.country_id, v.value, v.year FROM contacts_indicatorvalue v
          JOIN contacts_indicator i ON i.id = v.indicator_id
         WHERE i.code = %(coverage)s AND v.country_id IS NOT NULL ORDER BY v.country_id, v.year DESC),
     place AS (
        SELECT co.code, co.name, co.names, co.languages, cov.value, cov.year FROM contacts_country co
          LEFT JOIN coverage cov ON cov.country_id = co.code),
     union_people AS (
        SELECT DISTINCT wm.person_id FROM contacts_membership wm
          JOIN contacts_organization wo ON wo.id = wm.organization_id
          JOIN contacts_constituency wc ON wc.id = wo.constituency_id
         WHERE wc.root_code = 'WRK' AND (wm.ended_on IS NULL OR wm.ended_on >= current_date)),
     reached AS ({reached}),
     judged AS (
        SELECT r.*, {variant} AS variant_id, never.id IS NOT NULL AND never.reason <> 'invalid' AS is_suppressed,
               coalesce(never.reason = 'invalid', false) AS has_bounced, permit.id IS NOT NULL AS is_permitted,
               wrk.person_id IS NOT NULL OR r.root_code = 'WRK' AS is_union,
               NOT r.is_erased AND never.id IS NULL AND r.address_key IS NOT NULL AND r.status = 'active'
               AND permit.id IS NOT NULL AS may_keep
          FROM (SELECT reached.*, place.name AS country_name, place.names AS country_names, place.value AS coverage_value,
                       place.year AS coverage_year, coalesce(reached.own_language, place.languages[1], '') AS wanted
                  FROM reached LEFT JOIN place ON place.code = reached.country_code
                OFFSET 0) r
          LEFT JOIN union_people wrk ON wrk.person_id = r.person_id
          {suppression_join_sql(alias="never", address_hash="r.address_hash")}
          {permission_join_sql(alias="permit", subject_uid="r.subject_uid", topic_id="%(topic)s")}),
     placed AS (
        SELECT j.*, {variant_language} AS variant_language, row_number() OVER {numbered} AS seq,
               j.may_keep AND lag(CASE WHEN j.may_keep THEN j.address_hash END) OVER w = j.address_hash AS is_repeat
          FROM judged j WINDOW w AS (ORDER BY {order})),
     reasoned AS (
        SELECT q.*, {first} AS reason FROM placed q OFFSET 0)
SELECT reason, CASE WHEN reason IS NULL THEN '{{}}'::varchar[] ELSE ({every})[2:] END AS also,
       coalesce(value, '') AS address, address_key, address_hash, variant_id, person_id, post_id, organization_id,
       contact_point_id, constituency_code, country_code,
       coalesce(variant_language, own_language, '') AS language,
       {"NOT is_union" if tracks else "false"} AS is_tracked,
       CASE WHEN reason IS NULL THEN {fields} ELSE '{{}}'::jsonb END AS fields,
       sort_key, root_code, seq{more}
  FROM reasoned q"""


def _variant(mailing: Mailing, values: dict[str, Any]) -> tuple[str, str]:
    """SQL of the variant's id for `r.wanted`, and of its language for `j.variant_id`.

    The person's language, then without its region, then the first of the fallback chain that is written. A handful of cases
    is cheaper than three joins.
    """
    written = dict(mailing.variants.values_list("language", "pk"))
    fallback = next((written[language] for language in mailing.fallback_languages if language in written), None)
    values["fallback"] = fallback
    if not written:
        return "NULL::bigint", "NULL::varchar"
    exact, base, names = [], [], []
    for number, (language, pk) in enumerate(written.items()):
        values[f"language{number}"] = language
        exact.append(f"WHEN %(language{number})s THEN {int(pk)}")
        base.append(f"WHEN %(language{number})s THEN {int(pk)}")
        names.append(f"WHEN {int(pk)} THEN %(language{number})s")
    variant = (
        f"(CASE r.wanted {' '.join(exact)} ELSE CASE split_part(r.wanted, '-', 1) {' '.join(base)}"
        " ELSE %(fallback)s END END)::bigint"
    )
    return variant, f"(CASE j.variant_id {' '.join(names)} END)::varchar"


def _tests(mailing: Mailing, others: list[int]) -> dict[SkipReason, str]:
    """What speaks against a row, in DESIGN.md's order.

    A contact guard of no days is the wish to write whatever else was sent: another mailing that day does not count then. What the
    institutions' own guards say holds all the same; while none says anything, the statement asks for nothing.
    """
    guard = "q.last_mailed_at > %(guard)s" if mailing.contact_guard_days else "false"
    if guards_anything():
        held = guarded_sql(mailing="%(mailing)s", now="%(moment)s::timestamptz", day="%(day)s::date")
        guard = f"({guard} OR q.organization_id IN {held})"
    that_day = (
        "q.person_id IN (SELECT d.person_id FROM delivery d WHERE d.mailing_id = ANY (%(others)s)"
        " AND d.state NOT IN ('skipped', 'cancelled', 'failed') AND d.person_id IS NOT NULL)"
        if others and mailing.contact_guard_days
        else "false"
    )
    return {
        SkipReason.ERASED: "q.is_erased",
        SkipReason.SUPPRESSED: "q.is_suppressed",
        SkipReason.NO_ADDRESS: "q.address_key IS NULL",
        SkipReason.BAD_ADDRESS: "(q.status <> 'active' OR q.has_bounced)",
        SkipReason.NO_PERMISSION: "NOT q.is_permitted",
        SkipReason.SAME_ADDRESS: "q.is_repeat",
        SkipReason.NO_VARIANT: "q.variant_id IS NULL",
        SkipReason.TOO_RECENT: guard,
        SkipReason.SAME_DAY: that_day,
    }


def _reasons(tests: dict[SkipReason, str]) -> tuple[str, str]:
    """The first reason against a row and the array of all. Most rows have none, and pay for none."""
    first = " ".join(f"WHEN {test} THEN '{reason.value}'" for reason, test in tests.items())
    cases = ", ".join(f"CASE WHEN {test} THEN '{reason.value}' END" for reason, test in tests.items())
    return f"CASE {first} END", f"array_remove(ARRAY[{cases}]::varchar[], NULL)"


def _fields(wanted: Collection[str] | None, answered: Collection[str] = (), *, people: bool = True) -> str:
    """The merge fields of docs/architecture.md, or only those wanted; names in the variant's language where known."""

    def named(names: str, name: str) -> str:
        return f"coalesce({names}->>variant_language, {name}, '')"

    pairs = {
        "person.name": named("names", "name"),
        "person.given_name": "given_name",
        "person.family_name": "family_name",
        "person.honorific": "honorific_prefix",
        "person.greeting": _addressed("greeting"),
        "person.formal_name": _addressed("formal"),
        _SAID: "pronunciation",
        "post.title": named("post_names", "post_name"),
        "organization.name": named("org_names", "org_name"),
        "organization.acronym": "coalesce(acronym, '')",
        "country.name": named("country_names", "country_name"),
        "country.coverage": "trim_scale(coverage_value)",
        "country.coverage_year": "coverage_year",
        "sender.name": "%(sender)s::text",
        **relations.fields_sql(organization="q.organization_id", language="q.variant_language"),
    }
    chosen = {path: sql for path, sql in pairs.items() if wanted is None or path in wanted or path in _ALWAYS}
    chosen |= answers.fields_sql(
        answered, person="q.person_id", organization="q.organization_id", language="q.variant_language",
        in_their_name=not people,
    )  # fmt: skip
    return "jsonb_build_object(" + ", ".join(f"'{path}', {sql}" for path, sql in chosen.items()) + ")"


def _languages(values: dict[str, Any]) -> list[str]:
    """Of the variants, as `_variant` bound them."""
    return [value for name, value in values.items() if name.startswith("language")]


def _addressed(kind: str) -> str:
    return address_sql(kind=kind, name="coalesce(names->>variant_language, name, '')", texts="%(address)s::jsonb")


def _others_that_day(mailing: Mailing, moment: datetime) -> list[int]:
    """Mailings frozen on the same day, in this mailing's time zone."""
    zone = ZoneInfo(mailing.send_zone or settings.TIME_ZONE)
    local = mailing.send_local if mailing.sends_local else None  # it begins a day earlier elsewhere
    day = local.date() if local else (mailing.send_at or moment).astimezone(zone).date()
    begin = datetime.combine(day, datetime.min.time(), zone)
    return list(
        Mailing.objects.filter(
            frozen_at__gte=begin,
            frozen_at__lt=begin + timedelta(days=1),
            state__in=[State.SENDING, State.PAUSED, State.FINISHED],
        )
        .exclude(pk=mailing.pk)
        .values_list("pk", flat=True)
    )
