import pytest


@pytest.fixture
def upload(planner, folder):
    """`upload(rows, constituency=…)` → a checked run; its columns are taken as proposed."""

    from contacts.importing import services
    from tests.contacts.importing.steps import csv_file, dry_run

    def uploaded(rows, *, mapping=None, actor=None, **options):
        run = services.upload_import(file=csv_file(rows), actor=actor or planner)
        chosen = mapping or {int(index): target for index, target in run.mapping.items()}
        run = services.save_mapping(run=run, mapping=chosen, options=options)
        return dry_run(run, actor or planner)

    return uploaded


@pytest.fixture
def a_country(transactional_db):
    """Zambia and governments, for tests that commit: another such test may have emptied the tables."""
    from tests.factories import ConstituencyFactory, CountryFactory

    CountryFactory()
    ConstituencyFactory()
