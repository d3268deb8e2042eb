"""The list of one's jobs stands in the account menu."""

from django.utils.translation import gettext_lazy as _

from crm.ui.shell import AccountItem, register_account

register_account(AccountItem(_("Your long tasks"), "progress", "job_list", order=40))
