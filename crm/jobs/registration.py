"""The list of one's jobs stands in the account menu; those that are over go in time."""

from django.utils.translation import gettext_lazy as _

from crm.audit import subjects
from crm.audit.verbs import final
from crm.jobs import holdings
from crm.jobs.queries import jobs_visible_to
from crm.ui.shell import AccountItem, register_account

holdings.register()
register_account(AccountItem(_("Your long tasks"), "progress", "job_list", order=40))

final("job.cancelled", _("What was stopped is begun again from where it was started."))

subjects.register(
    subjects.Kind(
        "job",
        _("Long task"),
        "progress",
        jobs_visible_to,
        "job_detail",
        words="title",
        is_scoped=False,
        can_search=False,
    )
)
