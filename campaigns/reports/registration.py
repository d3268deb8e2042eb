"""What reports add to the shell."""

from django.utils.translation import gettext_lazy

from crm.ui import menu

menu.register(
    menu.MenuItem(gettext_lazy("Reports"), "chart-histogram", "report_list", order=10, group=3, prefix="/reports/")
)
