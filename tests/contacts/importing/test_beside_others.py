"""What others may do while an import applies, over connections of their own; and what the triggers keep when both change at once."""

import threading
import time

import pytest
from django.db import connection, transaction

from contacts.directory.models import Membership, Organization, Person, SeenAlsoIn
from contacts.directory.services import edit_organization, edit_person
from contacts.importing import services
from tests.factories import CountryFactory, MembershipFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = ["Name", "E-mail", "Organization", "Country", "Constituency"]


class Beside(threading.Thread):
    """Somebody else at work, over a connection of their own; `end()` waits for them and raises what they met."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.error, self.pid = work, None, 0
        self.start()

    def run(self):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '20s'")
                cursor.execute("SELECT pg_backend_pid()")
                self.pid = cursor.fetchone()[0]
            self.work()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def waits(self):
        """True when they wait for a lock, False when they are done."""
        while self.is_alive():
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", [self.pid])
                if cursor.fetchone()[0]:
                    return True
            time.sleep(0.01)
        return False

    def end(self):
        self.join(30)
        assert not self.is_alive()
        if self.error:
            raise self.error


def seen(person):
    return sorted(SeenAlsoIn.objects.filter(person_id=person.pk).values_list("country", flat=True))


def test_others_save_people_and_institutions_while_an_import_applies(a_country, upload, planner):
    """At the last step but one the import has written all of its rows, and checked the references of most."""
    place = OrganizationFactory(name="Ministry of Labour", country=CountryFactory(code="ZM"))
    ana = PersonFactory(given_name="Ana", family_name="Phiri", country=place.country)
    ana.contact_points.create(kind="email", value="ana@example.org", address_key="ana@example.org", address_hash=b"a" * 32)  # fmt: skip
    run = upload(
        [HEADER, ["Ana Phiri", "ana@example.org", "Ministry of Labour", "ZM", "GOV"],
         ["New Banda", "new@example.org", "Ministry of Labour", "ZM", "GOV"]],
    )  # fmt: skip
    services.start_apply(run=run, actor=planner)
    asked = []

    def colleague():
        edit_person(person=ana, actor=planner, changes={"honorific_prefix": "Dr"})
        edit_organization(organization=place, actor=planner, changes={"note": "Moved to the new building."})

    def on_phase(words):
        if words in {"Writing the history", "Finishing"}:
            other = Beside(
                colleague if not asked else lambda: edit_person(person=ana, actor=planner, changes={"gender": "female"})
            )
            asked.append((words, other.waits()))
            other.end()

    run = services.apply_import(run=run, actor=planner, on_phase=on_phase)

    assert asked == [("Writing the history", False), ("Finishing", False)] and run.state == "applied"
    ana.refresh_from_db()
    place.refresh_from_db()
    assert (ana.honorific_prefix, ana.gender, place.note) == ("Dr", "female", "Moved to the new building.")
    assert sorted(Membership.objects.values_list("person__name", flat=True)) == ["Ana Phiri", "New Banda"]


@pytest.mark.parametrize("change", ["institution moves", "person moves", "another membership ends"])
def test_countries_are_right_when_a_membership_comes_while_what_they_are_made_of_changes(change):
    """The later of the two waits for the other only where it must, and sees what it wrote."""
    zambia, kenya, senegal = (CountryFactory(code=code) for code in ("ZM", "KE", "SN"))
    place, person = OrganizationFactory(country=zambia), PersonFactory(country=senegal)
    old = MembershipFactory(person=person, organization=OrganizationFactory(country=zambia), is_primary=False)
    Person.objects.filter(pk=person.pk).update(country=senegal)
    what, expected = {
        "institution moves": (lambda: Organization.objects.filter(pk=place.pk).update(country=kenya), ["KE", "ZM"]),
        "person moves": (lambda: Person.objects.filter(pk=person.pk).update(country=kenya), ["ZM"]),
        "another membership ends": (lambda: Membership.objects.filter(pk=old.pk).delete(), ["ZM"]),
    }[change]

    def comes():
        Membership.objects.create(person=person, organization=place)

    for first, second in ((comes, what), (what, comes)):
        with transaction.atomic():
            first()
            other = Beside(second)
            assert other.waits()
        other.end()
        assert seen(person) == expected
        Membership.objects.filter(person=person).exclude(pk=old.pk).delete()
        Organization.objects.filter(pk=place.pk).update(country=zambia)
        Person.objects.filter(pk=person.pk).update(country=senegal)
        if not Membership.objects.filter(pk=old.pk).exists():
            old.save(force_insert=True)
