"""What dropboxes add: a taker of inbound mail, a tab, Today, undo, the trail, erasure and retention."""

from django.utils.translation import gettext_lazy as _

from campaigns.dropbox import erasing
from campaigns.dropbox.addresses import read_dropbox
from campaigns.dropbox.models import DroppedMail, OwnAddress
from campaigns.dropbox.services import restore_mail, take
from campaigns.dropbox.today import needs, waiting
from campaigns.outreach import envelopes, services, tabs
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final, undoable
from crm.ui import today

services.register_taker(take)
envelopes.register_own(lambda address: read_dropbox(address) is not None)
tabs.register(tabs.Tab(_("Dropbox"), "dropbox", "mailbox", 45, (Action.LOG,)))
today.register_needs(needs, waiting)
undoable("dropped_mail", restore_mail)
final("ownaddress.*", _("Add the address again: a mail to it proves it."))
final("dropbox.*", _("A secret that was given away is not taken up again. Make another address."))
subjects.register(
    subjects.Kind(
        "dropped_mail", _("Dropped mail"), "mailbox", DroppedMail.objects.visible_to, "dropped_mail", words="subject", is_scoped=False,
        can_search=False,
    )
)  # fmt: skip
subjects.register(
    subjects.Kind(
        "ownaddress", _("Another address of an officer"), "at", lambda user: OwnAddress.objects.filter(user=user), words="address",
        is_scoped=False, can_search=False,
    )
)  # fmt: skip
readable.choices_of("dropped_mail.state", DroppedMail.State.choices)
erasing.register()
serve("campaigns.dropbox.api")
