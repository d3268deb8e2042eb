"""What importing plugs into: the kinds of jobs, and the bench."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.importing import jobs  # noqa: F401  registers
from crm import bench
from crm.accounts.models import User
from crm.ui import today

bench.register("import", "contacts.importing.benches:run", size=100_000)


@today.register_setup
def first_import(user: User) -> Iterable[today.SetupStep]:
    from contacts.directory.models import Person  # models are not ready when this module is imported

    yield today.SetupStep(
        _("Import your first people"),
        _("A CSV file, with a dry run that shows what it would do. Or add somebody by hand."),
        reverse("import_new"),
        Person.objects.exists(),
        order=50,
        code="import",
    )
