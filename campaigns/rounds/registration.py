"""What call rounds add: a tab, New, undo, the trail, and where a segment is used."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.outreach import tabs
from campaigns.rounds import erasing
from campaigns.rounds.models import CallRound
from campaigns.rounds.services import restore_round
from contacts.segments.models import Segment
from contacts.segments.usage import Use, register_use
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import subjects
from crm.audit.verbs import final, undoable
from crm.ui import shell

tabs.register(tabs.Tab(_("Call rounds"), "round_list", "phone-call", 25))
shell.register_new(shell.NewItem(_("Call round"), "phone-call", "round_create", (Action.LOG,), 35, modal=True))
undoable("callround", restore_round)
final("callround.called", _("They were called; that happened. The log’s own entry can be taken back."))
final("callround.skipped", _("The round went on; call them from their own page."))
subjects.register(
    subjects.Kind(
        "callround", _("Call round"), "phone-call", CallRound.objects.visible_to, "round_detail", can_search=False
    )
)


def rounds_of(segment: Segment, user: User) -> list[Use]:
    rows = CallRound.objects.visible_to(user).filter(segment=segment).order_by("-created_at", "-pk")[:20]
    return [Use(_("call round"), row.name, reverse("round_detail", args=[row.uid]), "phone-call") for row in rows]


register_use(rounds_of)
serve("campaigns.rounds.api")
erasing.register()
