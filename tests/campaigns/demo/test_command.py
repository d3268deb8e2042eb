"""`manage.py demo`: the story is there through the real services, and one command takes it away again."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns.activities.models import Activity
from campaigns.delegations.models import Delegation, Nomination
from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery
from campaigns.demo.story import lowest_coverage
from campaigns.engagement.models import DeliveryEngagement
from campaigns.events.models import Event, SignUp
from campaigns.mailings.models import Mailing
from campaigns.networks.models import Application, Member
from campaigns.planning.models import Drive
from campaigns.results.models import Snapshot
from campaigns.results.snapshots import is_intact
from campaigns.todo.queries import covered_by
from contacts.consent.models import ConsentEvent
from contacts.directory.models import Constituency, ContactPoint, Country, IndicatorValue, Organization, Person
from contacts.segments.models import Segment
from crm.accounts.models import Installation, User
from crm.audit.models import AuditEntry

LIVED_IN = {
    "institutions",
    "people",
    "two_way",
    "moved_up",
    "first_known",
    "promised",
    "kept",
    "kept_verified",
}  # what a past drive cannot lack

pytestmark = pytest.mark.django_db(transaction=True)


def test_demo_is_loaded_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    reference = [Country.objects.count(), Constituency.objects.count(), IndicatorValue.objects.count()]

    call_command("demo", size=200)

    assert dict(Mailing.objects.values_list("name", "state")) == {
        "Figures for speeches and newsletters": "finished",
        "Policy discussion: send somebody with a mandate": "finished",
        "Coverage in figures: where your country stands": "finished",
        "Social security for informal workers: what works": "finished",
        "Who is covered, and who is not yet": "scheduled",  # leaves when the workers run
        "Social partners: coverage is yours to move": "scheduled",
        "An action plan: three questions": "in_review",
        "Nepal: a new day for the policy discussion": "draft",
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
    drive, plans, last_year = Drive.objects.order_by("pk")
    assert {event.starts_local.weekday() for event in Event.objects.all()} == {1, 2, 3}  # nobody confers on a Sunday
    planned = Activity.objects.exclude(event=None).get()
    assert planned.event and planned.starts_on == planned.event.starts_local.date()
    assert {country.code for country in drive.countries.all()} == {country.code for country in lowest_coverage(10)}
    assert [last_year.status, plans.status] == ["finished", "active"]
    # a plan by its template at work: countries at different steps, some of it late; a drive that is over with its report
    states = Activity.objects.filter(drive=plans).values_list("state", flat=True)
    assert set(states) == {"done", "under_way", "waiting", "planned"}
    assert Activity.objects.filter(drive=plans).overdue(timezone.localdate()).count() >= 3
    assert not Activity.objects.filter(drive=last_year).open().exists()
    # what an activity is, and the way to it
    assert Activity.objects.get(drive=drive, event__slug="dialogue-dakar").kind == "event"
    assert Activity.objects.get(drive=drive, call_round__isnull=False).call_round.lines.exists()
    frozen = Snapshot.objects.get(drive=last_year)
    assert is_intact(frozen)
    assert all(figure["value"] for figure in frozen.content["figures"] if figure["code"] in LIVED_IN)
    # somebody is away, and her work is in the queue of who stands in
    fatou, leila = (User.objects.get(email=f"{name}@groundswell.test") for name in ("fatou", "leila"))
    assert leila.pk in covered_by(fatou, timezone.localdate())
    # an event with answers that come in, a network of a few hundred, delegations of which some have gaps
    dialogue = Event.objects.get(slug="dialogue-dakar")
    assert set(dialogue.invitations.values_list("answer", flat=True)) >= {"yes", "no", "maybe", "other", ""}
    assert (
        dialogue.registrations.waiting().exists() and SignUp.objects.filter(event=dialogue, state="confirmed").exists()
    )
    assert Member.objects.present().count() > 200 and Application.objects.filter(state="confirmed").exists()
    sent = Delegation.objects.filter(event__slug="conference-geneva")
    assert sent.with_gaps().exists() and sent.complete().exists() and Nomination.objects.proposed().exists()
    assert ConsentEvent.objects.exists()
    for segment in Segment.objects.all():  # each has a line that ends at today's number
        assert list(segment.sizes.order_by("day").values_list("count", flat=True))[-1] == segment.last_count
        assert segment.sizes.count() > 10
    assert not ContactPoint.objects.exclude(value__endswith=".test").exclude(value__startswith="+999 ").exists()
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
