"""What segments may ask about networks: who is a member now. Registered with the fields of contacts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.networks.models import Network
from contacts.segments.choices import Rows
from contacts.segments.registry import PEOPLE, Context, Field, Operator, register

NETWORKS = Rows(lambda selects: Network.objects.order_by("sort_key", "id"), "uid", narrow=True)
OPERATORS = (
    Operator("any_of", _("of one of"), "choices"),
    Operator("none_of", _("of none of"), "choices"),
    Operator("ever", _("of any network"), "nothing"),
    Operator("never", _("of no network"), "nothing"),
)


def _rows(ctx: Context, operator: str) -> str:
    """Memberships of today; a person also through the institution that they speak for."""
    represented = (
        f"(SELECT r.member_id FROM campaigns_representative r WHERE r.person_id = {ctx.id} AND r.state = 'current')"  # noqa: S608 a column's name
    )
    owner = (
        f"(n.person_id = {ctx.id} OR n.contact_id = {ctx.id} OR n.id IN {represented})"
        if ctx.selects == PEOPLE
        else f"n.organization_id = {ctx.id}"
    )
    narrowed = (
        f" AND n.network_id = ANY ({ctx.param(ctx.keys())}::bigint[])" if operator in ("any_of", "none_of") else ""
    )
    return f"FROM campaigns_member n WHERE n.left_at IS NULL AND {owner}{narrowed}"


def member(ctx: Context, operator: str, value: Any) -> str:
    found = f"EXISTS (SELECT 1 {_rows(ctx, operator)})"
    return found if operator in ("any_of", "ever") else f"NOT {found}"


def _evidence(ctx: Context, operator: str, value: Any) -> str:
    rows = _rows(ctx, "ever").replace(
        "FROM campaigns_member n", "FROM campaigns_member n JOIN campaigns_network w ON w.id = n.network_id"
    )
    return f"ARRAY(SELECT w.name {rows} ORDER BY w.sort_key)"


def register_fields() -> None:
    register(
        Field(
            "network",
            _("Member of a network"),
            _("Networks"),
            OPERATORS,
            member,
            {
                "any_of": _("who are members of {values}"),
                "none_of": _("who are not members of {values}"),
                "ever": _("who are **members of a network**"),
                "never": _("who are **in no network**"),
            },
            {
                "any_of": _("that are members of {values}"),
                "none_of": _("that are not members of {values}"),
                "ever": _("that are **members of a network**"),
                "never": _("that are **in no network**"),
            },
            choices=NETWORKS,
            order=70,
            evidence=_evidence,
            help=_("Members of today. A person counts also through the institution that they represent."),
        )
    )
