"""What the register adds to the shell, to Today and the queue, to undo, the trail and erasure."""

from django.utils.translation import gettext_lazy as _

from campaigns.correspondence import erasing, lists  # noqa: F401  registers the list
from campaigns.correspondence.models import Letter
from campaigns.correspondence.services import restore_letter, restore_numbering
from campaigns.correspondence.today import letters_due, needs, waiting
from campaigns.outreach import tabs
from campaigns.queue.registry import Source, register_source
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final, undoable
from crm.ui import settings_pages, shell, today

shell.register_new(
    shell.NewItem(_("Letter of the register"), "mail-opened", "letter_create", (Action.LOG,), 7, modal=True)
)
tabs.register(tabs.Tab(_("Letters"), "letter_list", "mail-opened", 36))
today.register_needs(needs, waiting)
register_source(Source("letter", letters_due))
undoable("letter", restore_letter)
undoable("numbering", restore_numbering)
final("letter.document_removed", _("The document is gone from the disk. Upload it again."))
subjects.register(
    subjects.Kind(
        "letter",
        _("Letter of the register"),
        "mail-opened",
        Letter.objects.visible_to,
        "letter_detail",
        words="subject",
        can_search=False,
    )
)
readable.choices_of("letter.way", Letter.Way.choices)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Register of letters"), description=_("How letters in and out are numbered."), icon="mail-opened",
        url_name="letter_numbering", order=57,
    )
)  # fmt: skip
erasing.register()
serve("campaigns.correspondence.api")
