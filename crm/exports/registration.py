"""What exports add: the job, and one's files behind the initials."""

from django.utils.translation import gettext_lazy as _

from crm.exports import services
from crm.jobs.services import job_kind
from crm.ui.shell import AccountItem, register_account

job_kind(services.KIND)(services.write_step)
job_kind(services.KIND_OF_BOOKS, is_long=True)(services.write_book)
register_account(AccountItem(_("Your exports"), "download", "export_list", order=41))
