"""The value that decides a rule, as SQL beside the rule's own, for *why is this person in or out*; and how it reads."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from contacts.directory.models import ContactPoint
from contacts.directory.reference import INDIVIDUAL
from contacts.segments.registry import PEOPLE, Context, Evidence
from contacts.segments.tree import Rule
from contacts.segments.values import shown_number

# posts keep a form that was archived, and are addressed as those without one
ARCHIVED_FORMS = "ARRAY(SELECT af.id FROM contacts_formofaddress af WHERE af.archived_at IS NOT NULL)"


# --- SQL ------------------------------------------------------------------------------------------------------------
def constituency(ctx: Context, operator: str, value: Any) -> str:
    o = ctx.join("o")
    code = f"(SELECT c.code FROM contacts_constituency c WHERE c.id = {o}.constituency_id)"  # noqa: S608 a column
    return f"coalesce({code}, '{INDIVIDUAL}')" if ctx.selects == PEOPLE else code


def organization(ctx: Context, operator: str, value: Any) -> str:
    return f"{ctx.join('o')}.name"


def tags_of(table: str, column: str, owner: str) -> Evidence:
    def sql(ctx: Context, operator: str, value: Any) -> str:
        subject = ctx.id if owner == "self" else f"{ctx.join('m')}.organization_id"
        return (
            f"ARRAY(SELECT g.name FROM contacts_tag g JOIN {table} t ON t.tag_id = g.id WHERE t.{column} = {subject}"  # noqa: S608
            " ORDER BY g.name)"
        )

    return sql


def own_tags(ctx: Context, operator: str, value: Any) -> str:
    kind = "person" if ctx.selects == PEOPLE else "organization"
    return tags_of(f"contacts_{kind}_tags", f"{kind}_id", "self")(ctx, operator, value)


def country(ctx: Context, operator: str, value: Any) -> str:
    return f"(SELECT c.name FROM contacts_country c WHERE c.code = {ctx.country})"  # noqa: S608 a column


def region(ctx: Context, operator: str, value: Any) -> str:
    return f"(SELECT r.name FROM contacts_country c JOIN contacts_region r ON r.code = c.region_id WHERE c.code = {ctx.country})"  # noqa: S608 a column


def post(ctx: Context, operator: str, value: Any) -> str:
    return f"{ctx.join('po')}.name"


def form_of_address(ctx: Context, operator: str, value: Any) -> str:
    form = f"{ctx.join('po')}.form_of_address_id"
    mine = f"CASE WHEN {form} IS NULL OR {form} = ANY ({ARCHIVED_FORMS}) THEN ef.is_general ELSE ef.id = {form} END"
    return f"(SELECT ef.name FROM contacts_formofaddress ef WHERE {mine})"  # noqa: S608 our own words


def pronunciation(ctx: Context, operator: str, value: Any) -> str:
    return "NULLIF(p.pronunciation, '')"


def memberships(ctx: Context, operator: str, value: Any) -> str:
    return (
        "ARRAY(SELECT eo.name FROM contacts_membership em JOIN contacts_organization eo ON eo.id = em.organization_id"
        " WHERE em.person_id = p.id AND em.ended_on IS NULL ORDER BY eo.sort_key)"
    )


def language(ctx: Context, operator: str, value: Any) -> str:
    return f"split_part(NULLIF({ctx.language}, ''), '-', 1)"


def permission(ctx: Context, operator: str, value: Any) -> str:
    """[[topic, given, when], …] for the topics of the rule."""
    return (
        "(SELECT jsonb_agg(jsonb_build_array(et.name, cs.is_granted, cs.at) ORDER BY et.position, et.id)"  # noqa: S608
        f" FROM contacts_consentstate cs JOIN contacts_topic et ON et.id = cs.topic_id WHERE cs.subject_uid = {ctx.uid}"
        f" AND cs.channel = 'email' AND cs.topic_id = ANY ({ctx.param(ctx.keys())}::bigint[]))"
    )


def addresses(ctx: Context, operator: str, value: Any) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    return (
        f"ARRAY(SELECT DISTINCT ep.status FROM contacts_contactpoint ep WHERE ep.{owner} = {ctx.id}"  # noqa: S608
        " AND ep.kind = 'email' ORDER BY ep.status)"
    )


def last_mailed(ctx: Context, operator: str, value: Any) -> str:
    return "p.last_mailed_at"


def institution_contacted(ctx: Context, operator: str, value: Any) -> str:
    return f"{ctx.join('o')}.last_contacted_at"


def on_list(ctx: Context, operator: str, value: Any) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    return (
        "ARRAY(SELECT el.name FROM contacts_contactlist el JOIN contacts_contactlistmember lm ON lm.contact_list_id = el.id"  # noqa: S608
        f" WHERE lm.{owner} = {ctx.id} AND el.id = ANY ({ctx.param(ctx.keys())}::bigint[]) ORDER BY el.sort_key)"
    )


# --- words ----------------------------------------------------------------------------------------------------------
def read_addresses(found: list[str]) -> str:
    labels = dict(ContactPoint.Status.choices)
    return ", ".join(str(labels.get(status, status)) for status in found)


def read_permission(found: list[list[Any]] | None) -> str:
    said = {True: _("%(topic)s: given on %(day)s"), False: _("%(topic)s: withdrawn on %(day)s")}
    return "; ".join(
        said[given] % {"topic": topic, "day": read(datetime.fromisoformat(at))} for topic, given, at in found or []
    )


def read(value: Any) -> str:
    """A day, a moment in the reader's zone, a number, names."""
    if isinstance(value, datetime):
        return str(formats.date_format(timezone.localtime(value), "DATE_FORMAT"))
    if isinstance(value, date):
        return str(formats.date_format(value, "DATE_FORMAT"))
    if isinstance(value, Decimal | int | float):
        return shown_number(float(value))
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def shown(rule: Rule, value: Any) -> str:
    """The value as people read it; empty where there is none."""
    about = rule.field
    if value is None or value == []:
        return ""
    if about.reads is not None:
        return about.reads(value)
    if about.choices is not None and isinstance(value, str):
        choice = next((item for item in rule.chosen if item.value == value), None)
        choice = choice or about.choices.get([value], PEOPLE).get(value)
        return choice.label if choice else value
    return read(value)
