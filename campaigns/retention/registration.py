"""The kinds that campaigns own, and their defaults."""

from django.utils.translation import gettext_lazy as _

from campaigns.retention import removing
from crm.retention.registry import Kind, register

register(
    Kind(
        code="deliveries",
        label=_("Deliveries"),
        what=_(
            "The single messages of mailings that ended: address, fields, outcome, what the person did. Each mailing’s totals"
            " stay, and its unsubscribe links go on working."
        ),
        default_days=1095,
        minimum_days=90,
        count=removing.count_deliveries,
        work=removing.remove_deliveries,
        order=30,
    )
)
register(
    Kind(
        code="hits",
        label=_("Single opens and clicks"),
        what=_("Whole months of them. Who clicked, and the totals of each link, stay with the mailing."),
        default_days=400,
        minimum_days=30,
        count=removing.count_hits,
        work=removing.remove_hits,
        not_longer_than="deliveries",
        order=20,
    )
)
register(
    Kind(
        code="hit_addresses",
        label=_("IP addresses of opens and clicks"),
        what=_("The IP address and the program’s name in each open and click. The open or click itself stays."),
        default_days=90,
        minimum_days=7,
        count=removing.count_hit_addresses,
        work=removing.blank_hit_addresses,
        order=10,
    )
)
register(
    Kind(
        code="inbound",
        label=_("Inbound messages"),
        what=_("The raw messages that came back. Replies that were logged, and bounces that were noted, stay."),
        default_days=365,
        minimum_days=30,
        count=removing.count_inbound,
        work=removing.remove_inbound,
        order=40,
    )
)
