"""Delegations in a partner's account: the seats that their institution fills. Administrators of the institution, and whom we asked, name
people here as they would by the link; others of it read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delegations.links import delegate_url
from campaigns.delegations.models import Nominator
from campaigns.delegations.public_views import NAMED_A_DAY, act, page_context
from campaigns.partners.access import PartnerRequest, for_partners, page
from campaigns.partners.queries import Mine
from campaigns.partners.sections import Line, Section, register_section
from crm.limits import allow


@for_partners
def partner_delegation(request: PartnerRequest, uid: UUID) -> HttpResponse:
    nominator = get_object_or_404(request.mine.nominators(), uid=uid)
    may, status = request.mine.may_name(nominator), 200
    said: dict[str, Any] = {}
    if request.method == "POST":
        said, status = _done(request, nominator, may=may)
    context = page_context(request, nominator, **said)
    if not may:
        context |= {"is_open": False, "form": None, "only_reads": True}
    return page(request, "delegation", status=status, **context)


def _done(request: PartnerRequest, nominator: Nominator, *, may: bool) -> tuple[dict[str, Any], int]:
    if not may:
        return {"problem": _("Administrators of your institution name people here.")}, 403
    if not allow("delegation-name", str(nominator.uid), limit=NAMED_A_DAY, seconds=86_400):
        return {"problem": _("Too many at once. Nothing is lost: please press the button again in a while.")}, 429
    return act(request, nominator)


def section(mine: Mine) -> Section | None:
    """On their home page: delegations that their institution fills, and those to which they belong. Three queries."""
    filled: Any = mine.nominators().with_empty()[:5]
    rows = [
        Line(
            f"{row.delegation.event.label} · {row.delegation.label}",
            _gaps(row.empty),
            reverse("partner_delegation", args=[row.uid]),
        )
        for row in filled
    ]
    rows += [
        Line(row.delegation.event.label, _("your letters, and what to see to before you travel"), delegate_url(row))
        for row in mine.nominations()[:5]
    ]
    return Section(gettext_lazy("Delegations"), rows) if rows else None


def _gaps(empty: int) -> str:
    if not empty:
        return _("Every seat has a name.")
    return ngettext("%(n)s seat without a name", "%(n)s seats without a name", empty) % {"n": empty}


register_section(section)
