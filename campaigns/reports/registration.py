"""What reports add to the shell and to Today."""

import datetime as dt

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.reports import people, queries  # noqa: F401  registers the list of people
from crm.accounts.models import User
from crm.ui import menu, today

LATELY = dt.timedelta(days=30)
SHOWN = 3


@today.register_card
def sent_lately(user: User) -> today.Card | None:
    """The mailings that were finished last: accepted, clicked by people, answered."""
    since = timezone.now() - LATELY
    done = Mailing.objects.visible_to(user).filter(state=State.FINISHED, finished_at__gte=since)
    rows = list(done.order_by("-finished_at", "-pk")[:SHOWN])
    if not rows:
        return None
    return today.Card(
        title=_("Sent lately"),
        template="campaigns/reports/_today_sent.html",
        context={"lines": queries.lines(rows)},
        order=20,
        url=reverse("report_list"),
        link=_("All reports"),
    )


menu.register(
    menu.MenuItem(gettext_lazy("Reports"), "chart-histogram", "report_list", order=10, group=3, prefix="/reports/")
)
