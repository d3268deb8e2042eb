"""What offers add to Today, activity, erasure, retention and the API."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.offers import holdings, services
from campaigns.offers.models import CommitmentOffer
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import formats, today
from crm.ui.counting import Countable


def _waiting(user: User) -> Iterable[Countable]:
    return [CommitmentOffer.objects.visible_to(user, Action.LOG).waiting()] if user.may(Action.LOG) else []


def offers_to_decide(user: User) -> Iterable[today.Need]:
    if not user.may(Action.LOG):
        return
    rows = CommitmentOffer.objects.visible_to(user, Action.LOG).waiting().order_by()
    found = rows.aggregate(n=Count("pk"), first=Min("created_at"))
    if found["n"]:
        yield today.Need(
            icon="heart-handshake",
            title=ngettext("%(n)s institution offers a commitment", "%(n)s commitments are offered", found["n"])
            % {"n": formats.number(found["n"])},
            why=_("Institutions wrote it on their own page. It counts when you take it on."),
            url=reverse("offer_list"),
            step=_("Decide"),
            at=found["first"],
            rank=28,
        )


today.register_needs(offers_to_decide, _waiting)
for _verb, _why in (
    ("commitmentoffer.made", gettext_lazy("The institution wrote it; leave it aside instead.")),
    ("commitmentoffer.accepted", gettext_lazy("Undo what was recorded on the page of the commitment.")),
):
    final(_verb, _why)
undoable("commitmentoffer", services.restore_offer)
subjects.register(
    subjects.Kind(
        "commitmentoffer", gettext_lazy("Commitment that is offered"), "heart-handshake", CommitmentOffer.objects.visible_to, words="text", can_search=False
    )
)  # fmt: skip
readable.choices_of("commitmentoffer.state", CommitmentOffer.State.choices)
holdings.register()
serve("campaigns.offers.api")
