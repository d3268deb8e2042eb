"""Visible copies in an audience: of each institution of the mailing's constituency, in the country of institutions that get a letter.

The query of the letters becomes one part of a larger one; without a rule nothing of this is in it. The larger one has two more
columns: `copy_of`, for a copy the seq of the letter whose text it shows, and `copy_gap`, for a letter that goes out uncopied why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.copies import copied_constituencies, spares_unions
from campaigns.mailings.models import Mailing

# What the letters' query also tells.
LETTER_COLUMNS = ", is_union"
# No copy goes to an address that gets a letter.
SAME_ADDRESS = "(q.is_repeat OR q.address_hash IN (SELECT address_hash FROM letter WHERE reason IS NULL))"
# Institutions that a copy names; the others are a number.
MOST_NAMES = 10
_COPIED = (
    "person_id, post_id, organization_id, contact_point_id, constituency_code, country_code".split(", ")  # noqa: SIM905
)


class Gap(models.TextChoices):
    """Why no copy of a letter goes, in the order in which it is asked."""

    NO_INSTITUTION = "person", _("to somebody without an institution")
    UNION = "union", _("to a member of a workers’ organization")
    NO_COUNTRY = "no_country", _("to an institution of no country")
    OUT_OF_REACH = "reach", _("in a country that the mailing may not reach")
    NOBODY_THERE = "none", _("no such institution in the country")
    OWN_LETTER = "own", _("the institution is in the audience itself")
    SKIPPED = "skipped", _("the copy itself is left out")


def values_of(mailing: Mailing) -> dict[str, Any]:
    """What the named placeholders of `with_copies` stand for."""
    return {
        "copies": [row.pk for row in copied_constituencies(mailing)],
        "spares_unions": spares_unions(mailing),
        "copy_scope": None if mailing.scope_countries is None else list(mailing.scope_countries),
    }


def with_copies(letters: str, copies: str, *, takes_institutions: bool) -> str:
    """SQL of letters and copies. copies: the institutions of `copied` as an audience of their own.

    takes_institutions: the segment selects institutions, so that one of it gets a letter or none, and never a copy.
    """
    return f"{_steps(letters, copies, takes_institutions)}\n{_letters_sql()}\nUNION ALL\n{_copies_sql()}"


def _steps(letters: str, copies: str, takes_institutions: bool) -> str:
    """From the letters to the copies behind them, and the lines in which each names the other."""
    is_own = "EXISTS (SELECT 1 FROM letter own WHERE own.organization_id = o.id)" if takes_institutions else "false"
    return f"""
WITH letter AS MATERIALIZED ({letters}),
     copyable AS MATERIALIZED (
        SELECT l.seq, l.organization_id, l.sort_key, lo.country_id,
               CASE WHEN lo.id IS NULL THEN '{Gap.NO_INSTITUTION.value}'
                    WHEN %(spares_unions)s AND l.is_union AND l.person_id IS NOT NULL THEN '{Gap.UNION.value}'
                    WHEN lo.country_id IS NULL THEN '{Gap.NO_COUNTRY.value}'
                    WHEN %(copy_scope)s::varchar[] IS NOT NULL AND lo.country_id <> ALL (%(copy_scope)s::varchar[])
                    THEN '{Gap.OUT_OF_REACH.value}' END AS gap
          FROM letter l LEFT JOIN contacts_organization lo ON lo.id = l.organization_id WHERE l.reason IS NULL),
     seat AS MATERIALIZED (
        SELECT o.id, o.country_id, o.sort_key, o.name, o.names, {is_own} AS is_own FROM contacts_organization o
         WHERE o.archived_at IS NULL AND o.constituency_id = ANY (%(copies)s)),
     pair AS MATERIALIZED (
        SELECT c.seq, c.sort_key, c.organization_id, s.id, s.is_own
          FROM copyable c JOIN seat s ON s.country_id = c.country_id AND s.id <> c.organization_id WHERE c.gap IS NULL),
     copied AS MATERIALIZED (
        SELECT DISTINCT ON (id) id, seq AS first_seq FROM pair WHERE NOT is_own ORDER BY id, sort_key, seq),
     visible AS MATERIALIZED ({copies}),
     line AS (
        SELECT p.seq, string_agg(coalesce(s.names->>l.language, s.name), '; ' ORDER BY s.sort_key, s.id) AS said
          FROM pair p JOIN visible y ON y.organization_id = p.id AND y.reason IS NULL
          JOIN seat s ON s.id = p.id JOIN letter l ON l.seq = p.seq GROUP BY p.seq),
     owned AS (SELECT p.seq, bool_and(p.is_own) AS by_all FROM pair p GROUP BY p.seq),
     sent_to AS (
        SELECT k.id, f.language, p.organization_id, row_number() OVER (
                   PARTITION BY k.id ORDER BY bool_or(p.seq = k.first_seq) DESC, min(p.sort_key), p.organization_id) AS place
          FROM copied k JOIN pair p ON p.id = k.id JOIN letter f ON f.seq = k.first_seq
         GROUP BY k.id, f.language, p.organization_id),
     told AS (
        SELECT t.id, count(*) AS institutions,
               string_agg(coalesce(o.names->>t.language, o.name), '; ' ORDER BY t.place)
                   FILTER (WHERE t.place <= {MOST_NAMES}) AS said
          FROM sent_to t JOIN contacts_organization o ON o.id = t.organization_id GROUP BY t.id)"""


def _letters_sql() -> str:
    columns = ", ".join(f"l.{name}" for name in _COPIED)
    return f"""
SELECT l.reason, l.also, l.address, l.address_key, l.address_hash, l.variant_id, {columns}, l.language, l.is_tracked,
       CASE WHEN line.said IS NULL THEN l.fields ELSE l.fields || jsonb_build_object('copy.to', line.said) END AS fields,
       l.sort_key, l.root_code, l.seq, NULL::bigint AS copy_of,
       CASE WHEN l.reason IS NULL AND line.said IS NULL THEN coalesce(c.gap,
            CASE owned.by_all WHEN false THEN '{Gap.SKIPPED.value}' WHEN true THEN '{Gap.OWN_LETTER.value}'
                 ELSE CASE WHEN l.organization_id IN (SELECT id FROM seat) THEN '{Gap.OWN_LETTER.value}'
                           ELSE '{Gap.NOBODY_THERE.value}' END END) END AS copy_gap
  FROM letter l LEFT JOIN copyable c ON c.seq = l.seq LEFT JOIN line ON line.seq = l.seq LEFT JOIN owned ON owned.seq = l.seq"""


def _copies_sql() -> str:
    columns = ", ".join(f"y.{name}" for name in _COPIED)
    return f"""
SELECT y.reason, y.also, y.address, y.address_key, y.address_hash, f.variant_id, {columns}, f.language, y.is_tracked,
       CASE WHEN y.reason IS NULL
            THEN f.fields || jsonb_build_object(
                 'copy.to', line.said, 'copy.of', told.said, 'copy.seq', k.first_seq,
                 'copy.more', nullif(greatest(told.institutions - {MOST_NAMES}, 0), 0),
                 'copy.name', coalesce(nullif(y.fields->>'person.name', ''), y.fields->>'organization.name'))
            ELSE '{{}}'::jsonb END,
       y.sort_key, y.root_code, (SELECT count(*) FROM letter) + y.seq, k.first_seq, NULL
  FROM visible y JOIN copied k ON k.id = y.organization_id JOIN letter f ON f.seq = k.first_seq
  JOIN told ON told.id = k.id LEFT JOIN line ON line.seq = k.first_seq"""


def extra_columns(mailing: Mailing) -> Sequence[str]:
    """What the audience's query has behind `seq` of this mailing."""
    return ("copy_of", "copy_gap") if mailing.copies_to_id else ()
