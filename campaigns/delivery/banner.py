"""The line above every page that says when no mail leaves this machine."""

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.mailings.models import Transport
from crm.ui.counting import Countable
from crm.ui.shell import Banner


def nothing_leaves() -> list[Countable]:
    """The default transport, if it is the local mailbox."""
    return [Transport.objects.filter(is_default=True, archived_at__isnull=True, kind=Transport.Kind.LOCAL)]


def no_mail_leaves() -> Banner:
    return Banner(
        text=_("No mail leaves this machine: everything goes to the local mailbox."),
        url=settings.MAILBOX_URL,
        link=_("Open it") if settings.MAILBOX_URL else "",
    )
