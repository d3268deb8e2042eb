"""The line above every page that says when no mail leaves this machine."""

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.mailings.models import Transport
from crm.ui.shell import Banner


def no_mail_leaves() -> Banner | None:
    """A banner while the default transport is the local mailbox."""
    kind = Transport.objects.filter(is_default=True, archived_at__isnull=True).values_list("kind", flat=True).first()
    if kind != Transport.Kind.LOCAL:
        return None
    return Banner(
        text=_("No mail leaves this machine: everything goes to the local mailbox."),
        url=settings.MAILBOX_URL,
        link=_("Open it") if settings.MAILBOX_URL else "",
    )
