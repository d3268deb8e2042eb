"""What importing plugs into: the kinds of jobs, and the bench."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.importing import holdings, jobs  # noqa: F401  jobs registers
from contacts.importing.models import ImportRun
from crm import bench
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import subjects
from crm.audit.verbs import final
from crm.ui import today

bench.register("import", "contacts.importing.benches:run", size=100_000)


@today.register_setup
def first_import(user: User) -> Iterable[today.SetupStep]:
    from contacts.directory.models import Person  # models are not ready when this module is imported

    yield today.SetupStep(
        _("Import your first people"),
        _("A CSV or Excel file, with a dry run that shows what it would do. Or add somebody by hand."),
        reverse("import_new"),
        Person.objects.exists(),
        order=50,
        code="import",
    )


final("import.uploaded", gettext_lazy("Remove the file on the import's page."))
final("import.discarded", gettext_lazy("The file is gone for good: it held personal data."))
final("import.exported", gettext_lazy("It changed nothing; the file was taken."))
final(
    "import.applied", gettext_lazy("A whole import is undone on its own page, which says what was built on and stays.")
)
final("import.undone", gettext_lazy("Import the file again: the page of the import keeps its columns."))

subjects.register(
    subjects.Kind(
        "importrun", gettext_lazy("Import"), "file-import", ImportRun.objects.visible_to, "import_detail", (Action.BULK,), "file_name",
        is_scoped=False, can_search=False,
    )
)  # fmt: skip

holdings.register()
serve("contacts.importing.api")
