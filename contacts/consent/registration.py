"""What consent adds to the settings, and to what Prometheus reads."""

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure import holdings
from contacts.consent.erasure.registry import register_erasure
from contacts.consent.erasure.services import after_restore as replay
from contacts.consent.models import Erasure, Suppression, Topic
from contacts.consent.services.undo import restore_topic_values
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import final, undoable
from crm.backup.services import after_restore
from crm.exports.services import kept_files, remove_all_files
from crm.metrics import registry as metrics
from crm.ui import settings_pages

holdings.register()
after_restore(replay)
register_erasure(
    "list_exports", _("Lists that somebody took as files"), count=lambda data: kept_files(), erase=lambda data: remove_all_files(), order=520,
    goes=_("Every such file that is still kept, for any of them may hold a line about them."), stays=_("Who took how many rows of what, and when."),
)  # fmt: skip

settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Topics"),
        description=_("What people can subscribe to, in the languages of the public pages."),
        icon="tags",
        url_name="topic_list",
        order=40,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Asked by mail"),
        description=_("Who was asked for a permission, and has not answered yet."),
        icon="mail-question",
        url_name="opt_in_list",
        order=41,
        actions=(Action.EDIT_DIRECTORY,),
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Suppressed addresses"),
        description=_("Addresses that are never written to: look one up, add one."),
        icon="mail-off",
        url_name="suppression_list",
        order=50,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Erasures"),
        description=_("Who was erased when, as numbers without names, and what it reached."),
        icon="eraser",
        url_name="erasure_list",
        order=55,
    )
)

undoable("topic", restore_topic_values)
final("consent.*", _("What somebody said of permission is never rewritten; record what they say now."))
final("permission.*", _("The mail that asks has left; take the request back on its page."))
final("subscription.*", _("Whoever was subscribed is unsubscribed one by one, or by themselves."))
final("address.*", _("A suppression protects somebody; only they lift it, by asking for mail again."))
final("person.erased", _("Erased for good, as was asked for: nothing is left to put back."))
final("person.export_requested", _("It changed nothing; files were made, and go by themselves after some days."))
final("person.export_downloaded", _("It changed nothing; the file was taken."))

subjects.register(
    subjects.Kind("topic", _("Topic"), "tag", lambda user: Topic.objects.all(), "topic_edit", can_search=False)
)
subjects.register(
    subjects.Kind(
        "suppression", _("Suppressed address"), "mail-off", lambda user: Suppression.objects.all(), can_search=False,
        actions=(Action.ADMINISTER,), words="uid",
    )
)  # fmt: skip
readable.refers("topic", "topic")

serve("contacts.consent.api")
metrics.register(
    metrics.Gauge(
        "erasures_pending",
        "Erasures that were begun and are not finished",
        lambda: {"": Erasure.objects.filter(finished_at__isnull=True).count()},
    )
)
