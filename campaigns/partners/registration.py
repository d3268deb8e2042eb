"""What the partners' side adds to sign-in, Today, undo, activity and erasure."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.partners import accounts, holdings
from campaigns.partners.models import ChangeWish, PartnerAccount
from contacts.directory.models import Person
from crm.accounts import partners
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final
from crm.ui import formats, today
from crm.ui.counting import Countable


def _waiting(user: User) -> Iterable[Countable]:
    return (
        [ChangeWish.objects.visible_to(user, Action.EDIT_DIRECTORY).waiting()]
        if user.may(Action.EDIT_DIRECTORY)
        else []
    )


def wishes_to_decide(user: User) -> Iterable[today.Need]:
    if not user.may(Action.EDIT_DIRECTORY):
        return
    rows = list(ChangeWish.objects.visible_to(user, Action.EDIT_DIRECTORY).waiting()[:100])
    if rows:
        yield today.Need(
            icon="building",
            title=ngettext(
                "%(n)s institution asks to change its profile",
                "%(n)s institutions ask to change their profile",
                len(rows),
            )
            % {"n": formats.number(len(rows))},
            why=_("Partners wrote it in their account. Nothing changes before you say so."),
            url=reverse("change_wishes"),
            step=_("Decide"),
            at=rows[0].created_at,
            rank=37,
        )


def _to_erase(user: User) -> Iterable[Countable]:
    return [PartnerAccount.objects.filter(erase_asked_at__isnull=False)] if user.may(Action.ADMINISTER) else []


def erasures_asked(user: User) -> Iterable[today.Need]:
    """Somebody wants to be erased: the law gives a month."""
    if not user.may(Action.ADMINISTER):
        return
    people = Person.objects.visible_to(user, Action.ADMINISTER).filter(
        partner_account__erase_asked_at__isnull=False, erased_at__isnull=True
    )
    for person in people.select_related("partner_account").order_by("partner_account__erase_asked_at")[:20]:
        yield today.Need(
            icon="eraser",
            title=_("%(name)s asks to be erased") % {"name": person.label},
            why=_("Asked in their account. The law gives one month."),
            url=reverse("person_erase", args=[person.uid]),
            step=_("Look"),
            at=person.partner_account.erase_asked_at,
            rank=20,
        )


partners.use_opener(accounts.open_for, may_write=accounts.may_write)
today.register_needs(wishes_to_decide, _waiting)
today.register_needs(erasures_asked, _to_erase)
for _verb, _why in (
    ("partneraccount.opened", gettext_lazy("They asked for it themselves.")),
    ("partneraccount.closed", gettext_lazy("They closed it themselves, and can open it anew.")),
    ("partneraccount.erasure_asked", gettext_lazy("They asked for it themselves.")),
    ("changewish.asked", gettext_lazy("A partner asked for it; decline it instead.")),
    ("changewish.accepted", gettext_lazy("Undo the change of the institution itself.")),
    ("changewish.declined", gettext_lazy("Edit the institution instead.")),
):
    final(_verb, _why)
subjects.register(
    subjects.Kind(
        "changewish", gettext_lazy("Change asked for by a partner"), "building", ChangeWish.objects.visible_to, words="", can_search=False
    )
)  # fmt: skip
readable.choices_of("changewish.state", ChangeWish.State.choices)
holdings.register()
serve("campaigns.partners.api")
