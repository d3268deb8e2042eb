"""`manage.py demo`: the story is there through the real services, and one command takes it away again."""

import pytest
from django.core.management import CommandError, call_command

from campaigns.demo.story import lowest_coverage
from campaigns.mailings.models import Mailing
from campaigns.planning.models import Drive
from contacts.consent.models import ConsentEvent
from contacts.directory.models import Constituency, ContactPoint, Country, IndicatorValue, Organization, Person
from crm.accounts.models import Installation, User

pytestmark = pytest.mark.django_db(transaction=True)


def test_demo_is_loaded_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    reference = [Country.objects.count(), Constituency.objects.count(), IndicatorValue.objects.count()]

    call_command("demo", size=200)

    assert dict(Mailing.objects.values_list("name", "state")) == {
        "Who is covered, and who is not yet": "scheduled",  # leaves when the workers run
        "Social partners: coverage is yours to move": "scheduled",
        "An action plan: three questions": "in_review",
        "Reminder: Dialogue of ten countries: a plan for the informal economy": "draft",
        "Thanks: Webinar: reading the coverage figures of your country": "draft",
    }
    assert Mailing.objects.filter(stop_until__isnull=False).count() == 1
    drive = Drive.objects.get()
    assert {country.code for country in drive.countries.all()} == {country.code for country in lowest_coverage(10)}
    assert ConsentEvent.objects.exists()
    assert not ContactPoint.objects.exclude(value__endswith=".test").exists()
    assert Person.objects.filter(contact_points__value__endswith="@people.test").count() > 150  # the large part
    assert "demo: loaded in" in capsys.readouterr().out

    with pytest.raises(CommandError, match="Add --yes"):
        call_command("demo")
    call_command("demo", remove=True, yes=True)

    assert [Organization.objects.count(), Person.objects.count(), Mailing.objects.count()] == [0, 0, 0]
    assert [Country.objects.count(), Constituency.objects.count(), IndicatorValue.objects.count()] == reference
    assert [user.email for user in User.objects.all()] == ["admin@groundswell.test"]
    password = capsys.readouterr().out.split()[-1]
    assert User.objects.get().check_password(password)


def test_demo_is_for_a_laptop_only(settings) -> None:  # type: ignore[no-untyped-def]
    settings.LOCAL = False

    with pytest.raises(CommandError, match="for a laptop"):
        call_command("demo")

    assert User.objects.count() == 0


def test_real_data_is_never_removed() -> None:
    Installation.current()
    User.objects.create_user("ana@example.org", "password", name="Ana")

    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("demo", remove=True, yes=True)

    assert User.objects.count() == 1
