"""Senders' domains plug in: undo and activity of how their mail is signed."""

from django.utils.translation import gettext_lazy

from campaigns.domains.models import SendingDomain
from campaigns.domains.services import restore
from crm.accounts.rules import Action
from crm.audit import subjects
from crm.audit.verbs import undoable

undoable("sending_domain", restore)
subjects.register(
    subjects.Kind(
        "sending_domain", gettext_lazy("Sending domain"), "world-www", lambda user: SendingDomain.objects.all(), "",
        (Action.ADMINISTER,), can_search=False,
    )
)  # fmt: skip
