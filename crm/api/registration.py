"""What the API adds to the shell, and what the platform itself serves."""

from django.utils.translation import gettext_lazy as _

from crm import bench
from crm.accounts.rules import Action
from crm.api.models import ApiToken
from crm.api.registry import serve
from crm.audit import subjects
from crm.audit.verbs import final
from crm.ui import settings_pages
from crm.ui.shell import AccountItem, register_account

serve("crm.api.platform")
register_account(AccountItem(_("API tokens"), "api", "token_list", order=45))
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("API tokens"),
        description=_("Which programs use the API, as whom, and when they last did. Revoke any of them."),
        icon="api",
        url_name="token_list_all",
        order=25,
    )
)
bench.register("api", "crm.api.bench:run", size=100_000)
final("apitoken.*", _("A token is made and revoked once; make another one."))
subjects.register(
    subjects.Kind(
        "apitoken", _("API token"), "api", lambda user: ApiToken.objects.all(), "", (Action.ADMINISTER,), can_search=False
    )
)  # fmt: skip
