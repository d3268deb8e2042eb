"""`manage.py demo`: the story is there through the real services, and one command takes it away again."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery
from campaigns.demo.story import lowest_coverage
from campaigns.engagement.models import DeliveryEngagement
from campaigns.mailings.models import Mailing
from campaigns.planning.models import Drive
from contacts.consent.models import ConsentEvent
from contacts.directory.models import Constituency, ContactPoint, Country, IndicatorValue, Organization, Person
from crm.accounts.models import Installation, User
from crm.audit.models import AuditEntry

pytestmark = pytest.mark.django_db(transaction=True)


def test_demo_is_loaded_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    reference = [Country.objects.count(), Constituency.objects.count(), IndicatorValue.objects.count()]

    call_command("demo", size=200)

    assert dict(Mailing.objects.values_list("name", "state")) == {
        "Coverage in figures: where your country stands": "finished",
        "Social security for informal workers: what works": "finished",
        "Who is covered, and who is not yet": "scheduled",  # leaves when the workers run
        "Social partners: coverage is yours to move": "scheduled",
        "An action plan: three questions": "in_review",
        "Reminder: Dialogue of ten countries: a plan for the informal economy": "draft",
        "Thanks: Webinar: reading the coverage figures of your country": "draft",
    }
    assert Mailing.objects.filter(state="scheduled", stop_until__isnull=False).count() == 1
    for past in Mailing.objects.filter(state="finished"):
        assert past.finished_at and past.finished_at < timezone.now() - timedelta(days=17)
        assert audit(past).problems == []
        of_it = DeliveryEngagement.objects.filter(mailing_id=past.pk)
        assert of_it.filter(human_clicks__gt=0).count() > 5
        assert of_it.filter(machine_clicks__gt=0).exists()
        assert of_it.filter(unsubscribed_at__isnull=False).count() == 1
        assert set(Delivery.objects.filter(mailing_id=past.pk).values_list("state", flat=True)) >= {
            "accepted",
            "failed",
        }
        assert not AuditEntry.objects.filter(object_uid=past.uid, at__gt=past.finished_at).exists()
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
