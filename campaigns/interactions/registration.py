"""What the log adds to the shell, to pages of people and institutions, to undo, the trail and erasure."""

from typing import Any
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext_lazy as _

from campaigns.interactions import erasing, lists, naming, segment_fields  # noqa: F401  registers the list
from campaigns.interactions.panels import contact_card, log_button, register_timeline
from campaigns.interactions.undo import restore_interaction
from campaigns.outreach import tabs
from campaigns.outreach.models import Interaction
from campaigns.outreach.services import restore_answer
from contacts.directory import panels
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable
from crm.ui import shell

shell.register_new(shell.NewItem(_("Log a contact"), "message-plus", "log", (Action.LOG,), 5, modal=True))
shell.use_quick(shell.QuickItem(_("Log"), "message-plus", "log", (Action.LOG,), key="l"))
tabs.register(tabs.Tab(_("Contacts"), "interaction_list", "phone", 30))
panels.register_action(log_button)
panels.register_card(contact_card)
naming.register_kinds()
register_timeline()


def restore(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """A reply that was answered is to be answered again; of the rest, what was logged, corrected or taken away."""
    verb = restore_answer if "answered_at" in values else restore_interaction
    verb(uid=uid, values=values, expected=expected, actor=actor)


undoable("interaction", restore)
subjects.register(
    subjects.Kind(
        "interaction",
        _("Contact"),
        "phone",
        Interaction.objects.visible_to,
        "interaction_detail",
        words=Coalesce(NullIf("person__name", Value("")), "organization__name", "kind"),
        can_search=False,
    )
)
readable.choices_of("interaction.kind", Interaction.Kind.choices)
readable.refers("people", "person")
readable.refers("organizations", "organization")
erasing.register()
segment_fields.register_fields()
serve("campaigns.interactions.api")
