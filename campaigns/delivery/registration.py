"""Delivery plugs in: the Sending page, segment fields, suppressions, moves of mailings, the banner, benches."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from campaigns.delivery import erasing, nightly, queries
from campaigns.delivery.banner import no_mail_leaves, nothing_leaves
from campaigns.delivery.effects import mailing_moved, stop_deliveries, stop_unsubscribed
from campaigns.delivery.history import SOURCE
from campaigns.delivery.metrics import register_metrics
from campaigns.delivery.models import DeliverySlot
from campaigns.delivery.queries import address_of
from campaigns.delivery.referencing import SOURCE as LETTERS
from campaigns.delivery.restoring import after_restore as stand_still
from campaigns.delivery.segment_fields import register_fields
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import on_move
from campaigns.mailings.states import State
from contacts.consent.services import address_of_delivery, on_suppress, on_withdraw
from contacts.directory.timeline import register
from contacts.importing.keeping import keep_while
from contacts.segments.bench import register_cases
from crm import bench
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.verbs import final
from crm.backup.services import after_restore
from crm.ui import menu, search, today
from crm.ui.shell import use_banner

final("audit.asked", gettext_lazy("An audit reads; it changes nothing."))
LATE_SHOWN = 20  # on Today


def _late(user: User) -> QuerySet[Mailing]:
    """Where countries wait for this user's word, because their time passed."""
    late = DeliverySlot.objects.filter(state=DeliverySlot.State.LATE).values("mailing_id")
    return Mailing.objects.visible_to(user, Action.APPROVE).filter(state__in=[State.SENDING, State.PAUSED], pk__in=late)


def _late_needs(user: User) -> Iterable[today.Need]:
    for row in _late(user).order_by("pk")[:LATE_SHOWN] if user.may(Action.APPROVE) else []:
        title = gettext("“%(name)s” is too late for some") % {"name": row.name}
        why = gettext("Their time passed while nothing could be sent. Send it to them all the same, or leave them out.")
        url = reverse("mailing_detail", args=[row.uid])
        yield today.Need("clock-exclamation", title, why, url, gettext("Decide"), row.updated_at, "bad", 5)


today.register_needs(_late_needs, lambda user: [_late(user)[:LATE_SHOWN]] if user.may(Action.APPROVE) else [])
register_fields()
register_metrics()
nightly.register_metrics()
erasing.register()
on_suppress(stop_deliveries)
on_withdraw(stop_unsubscribed)
address_of_delivery(address_of)
on_move(mailing_moved)
after_restore(stand_still)
use_banner(nothing_leaves, no_mail_leaves)
# an import is not undone under a message that is on its way, or has gone; its row in the ledger names whom it is for
for kind, theirs in (
    ("person", "d.person_id = o.id"),
    ("organization", "d.organization_id = o.id"),
    ("post", "d.organization_id = o.organization_id AND d.post_id = o.id"),
):
    keep_while(kind, "mailing", queries.UNDER_WAY.format(theirs=theirs))
    keep_while(kind, "written", queries.WENT_OUT.format(theirs=theirs))
register(SOURCE)
search.register(LETTERS)
menu.register(menu.MenuItem(gettext_lazy("Sending"), "send", "sending", order=25, group=2, actions=(Action.PAUSE,)))
register_cases("campaigns.delivery.segment_bench:make")
bench.register("freeze", "campaigns.delivery.benches:freeze", size=1_000_000)
bench.register("send", "campaigns.delivery.send_bench:send", size=100_000)
