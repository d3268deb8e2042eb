"""What reports add to the shell and to Today."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.reports import people, queries  # noqa: F401  registers the list of people
from crm.accounts.models import User
from crm.ui import menu, today


@today.register_card
def sent_lately(user: User) -> today.Card | None:
    """The mailings that were finished last. Their numbers come a moment later: they are five questions."""
    if not queries.sent_lately(user).exists():
        return None
    return today.Card(
        title=_("Sent lately"),
        lazy_url=reverse("reports_today"),
        order=20,
        url=reverse("report_list"),
        link=_("All reports"),
    )


menu.register(
    menu.MenuItem(gettext_lazy("Reports"), "chart-histogram", "report_list", order=10, group=3, prefix="/reports/")
)
