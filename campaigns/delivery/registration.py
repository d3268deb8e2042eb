"""Delivery plugs in: the Sending page, segment fields, suppressions, moves of mailings, the banner, benches."""

from django.utils.translation import gettext_lazy

from campaigns.delivery import erasing, nightly, queries
from campaigns.delivery.banner import no_mail_leaves, nothing_leaves
from campaigns.delivery.effects import mailing_moved, stop_deliveries, stop_unsubscribed
from campaigns.delivery.history import SOURCE
from campaigns.delivery.metrics import register_metrics
from campaigns.delivery.queries import address_of
from campaigns.delivery.referencing import SOURCE as LETTERS
from campaigns.delivery.segment_fields import register_fields
from campaigns.mailings.services import on_move
from contacts.consent.services import address_of_delivery, on_suppress, on_withdraw
from contacts.directory.timeline import register
from contacts.importing.keeping import keep_while
from contacts.segments.bench import register_cases
from crm import bench
from crm.accounts.rules import Action
from crm.ui import menu, search
from crm.ui.shell import use_banner

register_fields()
register_metrics()
nightly.register_metrics()
erasing.register()
on_suppress(stop_deliveries)
on_withdraw(stop_unsubscribed)
address_of_delivery(address_of)
on_move(mailing_moved)
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
bench.register("freeze", "campaigns.delivery.benches:freeze", size=100_000)
bench.register("send", "campaigns.delivery.send_bench:send", size=100_000)
