"""The fields of the directory and of permission, with their SQL. Campaigns adds its own from its registration."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.directory.models import Constituency, Country, Region
from contacts.directory.reference import INDIVIDUAL
from contacts.segments import choices, evidence
from contacts.segments.date_fields import DATE_FIELDS, moment
from contacts.segments.indicator_fields import indicators
from contacts.segments.registry import (
    ANY_OF,
    CHOICE,
    NONE_OF,
    PEOPLE,
    TEXT,
    WHEN,
    Context,
    Field,
    Operator,
    Seated,
    Split,
    Sql,
    register,
    register_source,
)

INSTITUTION = _("Institution")
COUNTRY = _("Country")
PERSON = _("Person")
ADDRESS = _("Address and permission")
CONTACT = _("What passed between us")
OTHER = _("Other segments and lists")
ONLY_PEOPLE = frozenset({PEOPLE})
KNOWN_OR_NOT = (Operator("known", _("is known"), "nothing"), Operator("not_known", _("is not known"), "nothing"))
YES_NO = (Operator("yes", _("yes"), "nothing"), Operator("no", _("no"), "nothing"))


def branch(model: Any, codes: list[str]) -> set[str]:
    """These codes and those of everything under them; the tables are small trees."""
    parents = dict(model.objects.values_list("code", "parent__code"))
    wanted, size = set(codes), -1
    while size != len(wanted):
        size = len(wanted)
        wanted |= {code for code, parent in parents.items() if parent in wanted}
    return wanted


# --- institution --------------------------------------------------------------------------------------------------
def constituency(ctx: Context, operator: str, value: list[str]) -> str:
    """A person's constituency is that of the current primary membership; with none, individual supporter. Always known."""
    wanted = branch(Constituency, value)
    ids = list(Constituency.objects.filter(code__in=wanted).order_by("id").values_list("id", flat=True))
    o, given = ctx.join("o"), ctx.param(ids)
    if ctx.selects != PEOPLE:
        return f"{o}.constituency_id {'= ANY' if operator == 'any_of' else '<> ALL'} ({given}::bigint[])"
    alone = INDIVIDUAL in wanted
    if operator == "any_of":
        mine = Seated(f"({o}.id IS NOT NULL AND {o}.constituency_id = ANY ({given}::bigint[]))")
        return f"({o}.id IS NULL OR {mine})" if alone else mine
    others = Seated(f"({o}.id IS NOT NULL AND {o}.constituency_id <> ALL ({given}::bigint[]))")
    return others if alone else f"({o}.id IS NULL OR {others})"


def organization(ctx: Context, operator: str, value: list[str]) -> str:
    """The institution of the current primary membership; who has none is in none of them."""
    given = ctx.param(ctx.keys())
    if ctx.selects != PEOPLE:
        return f"o.id {'= ANY' if operator == 'any_of' else '<> ALL'} ({given}::bigint[])"
    m = ctx.join("m")
    if operator == "any_of":
        return Seated(f"({m}.id IS NOT NULL AND {m}.organization_id = ANY ({given}::bigint[]))")
    return f"({m}.id IS NULL OR {m}.organization_id <> ALL ({given}::bigint[]))"


def tags_of(table: str, column: str, owner: str) -> Sql:
    def sql(ctx: Context, operator: str, value: list[str]) -> str:
        keys = ctx.keys()
        subject = ctx.id if owner == "self" else f"{ctx.join('m')}.organization_id"
        found = f"EXISTS (SELECT 1 FROM {table} t WHERE t.{column} = {subject} AND t.tag_id = "
        if operator == "all_of":
            return "(" + " AND ".join(f"{found}{ctx.param(key)})" for key in keys) + ")"
        return f"{'NOT ' if operator == 'none_of' else ''}{found}ANY ({ctx.param(keys)}::bigint[]))"

    return sql


def own_tags(ctx: Context, operator: str, value: list[str]) -> str | Split:
    kind = "person" if ctx.selects == PEOPLE else "organization"
    return tags_of(f"contacts_{kind}_tags", f"{kind}_id", "self")(ctx, operator, value)


# --- country ------------------------------------------------------------------------------------------------------
def country(ctx: Context, operator: str, value: list[str]) -> str:
    compare = "= ANY" if operator == "any_of" else "<> ALL"
    return f"{ctx.country} {compare} ({ctx.param(value)}::text[])"


def region(ctx: Context, operator: str, value: list[str]) -> Split:
    """By countries, resolved here: PostgreSQL then knows how many rows to expect. A country outside of all regions is unknown."""
    inside = branch(Region, value)
    rows = list(Country.objects.order_by("code").values_list("code", "region_id"))
    codes = [code for code, place in rows if place and (place in inside) == (operator == "any_of")]
    nowhere = [code for code, place in rows if not place]
    here = f"{ctx.country} IS NOT NULL AND {ctx.country} = ANY"
    return Split(
        yes=f"({here} ({ctx.param(codes)}::text[]))",
        unknown=f"({ctx.country} IS NULL OR {ctx.country} = ANY ({ctx.param(nowhere)}::text[]))",
    )


# --- person -------------------------------------------------------------------------------------------------------
def language(ctx: Context, operator: str, value: list[str]) -> str | Split:
    """By the first part of the tag: fr-CA is French. Whose language is empty is unknown."""
    spoken = f"split_part(NULLIF({ctx.language}, ''), '-', 1)"
    codes = sorted(code for code in value if "-" not in code)
    if ctx.selects != PEOPLE or operator != "any_of" or not codes:
        return f"{spoken} {'= ANY' if operator == 'any_of' else '<> ALL'} ({ctx.param(value)}::text[])"
    # the same as plain comparisons between two bounds, for the index person_language: in "C", "." is next behind "-"
    same = " OR ".join(f"{ctx.language} = {ctx.param(c)} OR {ctx.language} LIKE {ctx.param(_begins(c))}" for c in codes)
    bound = f'{ctx.language} COLLATE "C"'
    return Split(
        yes=f"({bound} >= {ctx.param(codes[0])} AND {bound} < {ctx.param(codes[-1] + '.')} AND ({same}))",
        unknown=f"{ctx.language} = ''",
    )


def _begins(code: str) -> str:
    return f"{like(code)[1:-1]}-%"


def like(text: str) -> str:
    """A pattern that finds `text` as it stands."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def post_title(ctx: Context, operator: str, value: str) -> str:
    """Any word order, accent or script: the normalised title is compared. Who has no post has no such title."""
    from crm.ui.searchtext import normalise

    po = ctx.join("po")
    found = " AND ".join(f"{po}.search_text LIKE {ctx.param(like(word))}" for word in normalise(value).split())
    found = f"({po}.id IS NOT NULL AND {found})" if found else f"{po}.id IS NOT NULL"
    return Seated(found) if operator == "contains" else f"NOT {found}"


def post_is_head(ctx: Context, operator: str, value: None) -> str:
    po = ctx.join("po")
    held = Seated(f"({po}.id IS NOT NULL AND {po}.is_head)")
    return held if operator == "yes" else f"NOT {held}"


def form_of_address(ctx: Context, operator: str, value: list[str]) -> str:
    """By the post; who has none, or one without a form or with an archived one, is addressed in the general form. Always known."""
    form, given = f"{ctx.join('po')}.form_of_address_id", ctx.param(ctx.keys())
    general = (
        f"EXISTS (SELECT 1 FROM contacts_formofaddress ff WHERE ff.is_general AND ff.id = ANY ({given}::bigint[]))"
    )
    in_use = f"ARRAY(SELECT ff.id FROM contacts_formofaddress ff WHERE ff.archived_at IS NULL AND ff.id = ANY ({given}::bigint[]))"
    found = f"(({form} IS NOT NULL AND {form} = ANY ({in_use})) OR (({form} IS NULL OR {form} = ANY ({evidence.ARCHIVED_FORMS})) AND {general}))"
    return found if operator == "any_of" else f"NOT {found}"


def pronunciation(ctx: Context, operator: str, value: None) -> str:
    return "p.pronunciation <> ''" if operator == "known" else "p.pronunciation = ''"


def membership(ctx: Context, operator: str, value: None) -> str:
    found = "EXISTS (SELECT 1 FROM contacts_membership cm WHERE cm.person_id = p.id AND cm.ended_on IS NULL)"
    return found if operator == "yes" else f"NOT {found}"


# --- address and permission ---------------------------------------------------------------------------------------
def permission(ctx: Context, operator: str, value: list[str]) -> str:
    """Given or withdrawn for one of the topics; *none*: the ledger has no word on any of them."""
    given = ctx.param(ctx.keys())  # a uid is one subject's, whatever its kind
    about = {"granted": " AND cs.is_granted", "withdrawn": " AND NOT cs.is_granted", "none": ""}[operator]
    found = (
        f"EXISTS (SELECT 1 FROM contacts_consentstate cs WHERE cs.subject_uid = {ctx.uid}"
        f" AND cs.channel = 'email' AND cs.topic_id = ANY ({given}::bigint[]){about})"
    )
    return f"NOT {found}" if operator == "none" else found


# From the best to the worst: a subject's state is that of the best e-mail address; "none" has none.
ADDRESS_RANKS = {"usable": ("active",), "bouncing": ("bouncing",), "invalid": ("invalid", "complained"), "none": ()}


def address_state(ctx: Context, operator: str, value: list[str]) -> str:
    """One state each: usable if any e-mail address is, else bouncing if any is, else invalid, else none.

    States that are neighbours are asked together: an address at least so good, and none better. That is one (anti-)semi-join.
    """
    wanted = [(state in value) == (operator == "any_of") for state in ADDRESS_RANKS]
    ranges: list[tuple[int, int]] = []
    for rank, is_in in enumerate(wanted):
        if is_in and ranges and ranges[-1][1] == rank - 1:
            ranges[-1] = (ranges[-1][0], rank)
        elif is_in:
            ranges.append((rank, rank))
    parts = [_between(ctx, best, worst) for best, worst in ranges]
    return f"({' OR '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "false"


def _between(ctx: Context, best: int, worst: int) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    ranks = list(ADDRESS_RANKS.values())

    def statuses(first: int, last: int) -> str:
        return ", ".join(f"'{status}'" for rank in ranks[first:last] for status in rank)

    def has(alias: str, subject: str, some: str) -> str:
        return (
            f"EXISTS (SELECT 1 FROM contacts_contactpoint {alias} WHERE {alias}.{owner} = {subject}"
            f" AND {alias}.kind = 'email' AND {alias}.status IN ({some})"
        )

    better = statuses(0, best)
    if worst == len(ranks) - 1:  # also those without any address
        return f"NOT {has('cp', ctx.id, better)})" if better else "true"
    found = has("cp", ctx.id, statuses(best, worst + 1))
    return f"{found} AND NOT {has('cq', f'cp.{owner}', better)}))" if better else f"{found})"


# --- what passed between us ---------------------------------------------------------------------------------------
def last_mailed(ctx: Context, operator: str, value: Any) -> str:
    return moment("p.last_mailed_at", operator, value, ctx)


def institution_contacted(ctx: Context, operator: str, value: Any) -> str:
    """Of the institution of the current primary membership. Who has no institution is in no such rule, either way."""
    o = ctx.join("o")
    rule = moment(f"{o}.last_contacted_at", operator, value, ctx)
    return rule if ctx.selects != PEOPLE else Seated(f"({o}.id IS NOT NULL AND {rule})")


def on_list(ctx: Context, operator: str, value: list[str]) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    keys = ctx.keys()
    # of one list everybody is a member once, which spares the planner looking for whom it has had already
    lists = f"= {ctx.param(keys[0])}" if len(keys) == 1 else f"= ANY ({ctx.param(keys)}::bigint[])"
    found = f"EXISTS (SELECT 1 FROM contacts_contactlistmember lm WHERE lm.{owner} = {ctx.id} AND lm.contact_list_id {lists})"
    return found if operator == "any_of" else f"NOT {found}"


def in_segment(ctx: Context, operator: str, value: list[str]) -> str:
    raise NotImplementedError("the compiler inlines nested segments")


_NO_COUNTRY = _("no country is known for them")
TAG_OPERATORS = (ANY_OF, Operator("all_of", _("is all of"), "choices"), NONE_OF)
PERMISSION_OPERATORS = (
    Operator("granted", _("was given for"), "choices"),
    Operator("withdrawn", _("was withdrawn for"), "choices"),
    Operator("none", _("was never asked or given for"), "choices"),
)
_CONTACTED = {
    "not_within": _("whose institution **nobody has contacted in {value} days**"),
    "within": _("whose institution **was contacted in the last {value} days**"),
    "since": _("whose institution **was contacted since {value}**"),
    "not_since": _("whose institution **nobody has contacted since {value}**"),
    "never": _("whose institution **nobody has ever contacted**"),
    "ever": _("whose institution **has been contacted**"),
}
_THEY_CONTACTED = {
    "not_within": _("that **nobody has contacted in {value} days**"),
    "within": _("that **were contacted in the last {value} days**"),
    "since": _("that **were contacted since {value}**"),
    "not_since": _("that **nobody has contacted since {value}**"),
    "never": _("that **nobody has ever contacted**"),
    "ever": _("that **have been contacted**"),
}
_THEY_PERMIT = {
    "granted": _("that **gave permission** for {values}"),
    "withdrawn": _("that **withdrew permission** for {values}"),
    "none": _("that **never said yes or no** to {values}"),
}
_MAILED = {
    "not_within": _("whom **nobody has written to in {value} days**"),
    "within": _("who **were written to in the last {value} days**"),
    "since": _("who **were written to since {value}**"),
    "not_since": _("whom **nobody has written to since {value}**"),
    "never": _("whom **nobody has ever written to**"),
    "ever": _("who **have been written to**"),
}

FIELDS = [
    Field("constituency", _("Constituency"), INSTITUTION, CHOICE, constituency, {"any_of": _("in {values}"), "none_of": _("not in {values}")}, choices=choices.CONSTITUENCIES, order=10, help=_("With the constituencies below it."), says_of_organizations={"any_of": _("that are {values}"), "none_of": _("that are not {values}")}, evidence=evidence.constituency),
    Field("organization", _("Organization"), INSTITUTION, CHOICE, organization, {"any_of": _("in {values}"), "none_of": _("not in {values}")}, choices=choices.ORGANIZATIONS, order=12, says_of_organizations={"any_of": _("called {values}"), "none_of": _("other than {values}")}, evidence=evidence.organization),
    Field("organization_tags", _("Organization’s tags"), INSTITUTION, TAG_OPERATORS, tags_of("contacts_organization_tags", "organization_id", "institution"), {"any_of": _("whose institution is tagged {values}"), "all_of": _("whose institution is tagged {all_values}"), "none_of": _("whose institution is not tagged {values}")}, selects=ONLY_PEOPLE, choices=choices.TAGS, order=14, evidence=evidence.tags_of("contacts_organization_tags", "organization_id", "institution")),
    Field("country", _("Country"), COUNTRY, CHOICE, country, {"any_of": _("in {values}"), "none_of": _("outside {values}")}, choices=choices.COUNTRIES, unknown=_NO_COUNTRY, order=20, evidence=evidence.country),
    Field("region", _("Region"), COUNTRY, CHOICE, region, {"any_of": _("in {values}"), "none_of": _("outside {values}")}, choices=choices.REGIONS, unknown=_NO_COUNTRY, order=22, help=_("With the sub-regions below it."), evidence=evidence.region),
    Field("post_title", _("Post › title"), PERSON, TEXT, post_title, {"contains": _("whose post is called **“{value}”** or similar"), "not_contains": _("whose post is not called **“{value}”**")}, selects=ONLY_PEOPLE, order=30, evidence=evidence.post),
    Field("post_is_head", _("Post › head of the institution"), PERSON, YES_NO, post_is_head, {"yes": _("who **head their institution**"), "no": _("who **do not head their institution**")}, selects=ONLY_PEOPLE, order=32, evidence=evidence.post),
    Field("form_of_address", _("Form of address"), PERSON, CHOICE, form_of_address, {"any_of": _("addressed as {values}"), "none_of": _("addressed otherwise than as {values}")}, selects=ONLY_PEOPLE, choices=choices.FORMS_OF_ADDRESS, order=33, help=_("By the post; who has no post is addressed in the general form."), evidence=evidence.form_of_address),
    Field("membership", _("Current membership"), PERSON, YES_NO, membership, {"yes": _("who **belong to an institution now**"), "no": _("who **belong to no institution now**")}, selects=ONLY_PEOPLE, order=34, evidence=evidence.memberships),
    Field("pronunciation", _("How the name is said"), PERSON, KNOWN_OR_NOT, pronunciation, {"known": _("of whom we know **how the name is said**"), "not_known": _("of whom nobody noted **how the name is said**")}, selects=ONLY_PEOPLE, order=35, evidence=evidence.pronunciation),
    Field("language", _("Language"), PERSON, CHOICE, language, {"any_of": _("who read {values}"), "none_of": _("who read another language than {values}")}, choices=choices.LANGUAGES, unknown=_("their language is not known"), order=36, says_of_organizations={"any_of": _("that read {values}"), "none_of": _("that read another language than {values}")}, evidence=evidence.language),
    Field("tags", _("Tags"), PERSON, TAG_OPERATORS, own_tags, {"any_of": _("tagged {values}"), "all_of": _("tagged {all_values}"), "none_of": _("not tagged {values}")}, choices=choices.TAGS, order=38, evidence=evidence.own_tags),
    Field("permission", _("Permission for a topic"), ADDRESS, PERMISSION_OPERATORS, permission, {"granted": _("who **gave permission** for {values}"), "withdrawn": _("who **withdrew permission** for {values}"), "none": _("who **never said yes or no** to {values}")}, choices=choices.TOPICS, order=40, says_of_organizations=_THEY_PERMIT, evidence=evidence.permission, reads=evidence.read_permission),
    Field("address_state", _("E-mail address"), ADDRESS, CHOICE, address_state, {"any_of": _("whose e-mail address is {values}"), "none_of": _("whose e-mail address is not {values}")}, choices=choices.ADDRESS_STATES, order=42, evidence=evidence.addresses, reads=evidence.read_addresses),
    Field("last_mailed", _("Person last mailed"), CONTACT, WHEN, last_mailed, _MAILED, selects=ONLY_PEOPLE, order=50, evidence=evidence.last_mailed),
    Field("institution_contacted", _("Institution last contacted"), CONTACT, WHEN, institution_contacted, _CONTACTED, order=52, says_of_organizations=_THEY_CONTACTED, evidence=evidence.institution_contacted),
    Field("in_segment", _("In segment"), OTHER, CHOICE, in_segment, {"any_of": _("in the segment {values}"), "none_of": _("except those in {values}")}, choices=choices.SEGMENTS, order=90),
    Field("on_list", _("On list"), OTHER, CHOICE, on_list, {"any_of": _("on the list {values}"), "none_of": _("except those on {values}")}, choices=choices.LISTS, order=92, evidence=evidence.on_list),
]  # fmt: skip


def register_all() -> None:
    for item in [*FIELDS, *DATE_FIELDS]:
        register(item)
    register_source(indicators)
