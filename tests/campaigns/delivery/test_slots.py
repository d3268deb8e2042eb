"""A mailing by its recipients' clock: frozen in slots, opened and closed by the sweeper, too late country by country."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import slots, waits
from campaigns.delivery.auditing import audit
from campaigns.delivery.freezing import begin_due, freeze
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry, DeliverySlot
from campaigns.delivery.queries import counts, progress
from campaigns.delivery.sweeping import finish_if_done, sweep
from campaigns.delivery.tasks import send_some
from campaigns.engagement.models import EngagementDay
from campaigns.mailings import editing, services
from campaigns.mailings.approval import changed_since_approval
from campaigns.mailings.hours import places_of, span
from contacts.directory.models import Country
from crm.audit.models import AuditEntry
from crm.errors import Invalid, NotAllowed
from tests.campaigns.delivery.building import subscriber, to_freezing, use
from tests.factories import CountryFactory, MailingFactory, SegmentFactory, TransportFactory

pytestmark = pytest.mark.django_db
ZONES = {"FJ": "Pacific/Fiji", "SN": "Africa/Dakar", "CO": "America/Bogota"}
WORLD = {"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": list(ZONES)}]}


def _nine(days: int = 0) -> datetime:
    """09:00 of a day next week, as a wall clock stored as if UTC."""
    day = timezone.now().date() + timedelta(days=7 + days)
    return datetime.combine(day, time(9), UTC)


@pytest.fixture
def world(db):
    """A mailing at 09:00 everywhere: two people in Fiji, one in Senegal, one in Colombia."""
    for code, zone in ZONES.items():
        CountryFactory(code=code)
        Country.objects.filter(code=code).update(time_zone=zone)
    mailing = MailingFactory(
        segment=SegmentFactory(tree=WORLD),
        transport=TransportFactory(max_connections=2),
        sends_local=True,
        send_local=_nine(),
    )
    for number, code in enumerate(("CO", "FJ", "SN", "FJ"), 1):
        subscriber(mailing.topic, number, country_id=code)
    return mailing


def frozen(mailing, moment):
    to_freezing(mailing)
    mailing.send_at = (
        span(mailing.send_local.replace(tzinfo=None), places_of(mailing))[0] if mailing.sends_local else moment
    )
    mailing.save()
    assert freeze(mailing_id=mailing.pk, now=moment)
    mailing.refresh_from_db()
    return mailing


def dues(mailing):
    return {slot.country_code: slot.due_at for slot in DeliverySlot.objects.filter(mailing_id=mailing.pk)}


def at(mailing, hours):
    """Moments counted from 09:00 UTC of its day: Senegal's turn."""
    return mailing.send_local + timedelta(hours=hours)


def come(mailing, code, *, ago=timedelta(0)):
    """A country's time comes now (or came so long ago), by the clock of the database."""
    slot = DeliverySlot.objects.get(mailing_id=mailing.pk, country_code=code)
    slot.due_at, slot.closes_at = timezone.now() - ago, None
    slot.save()


def states(mailing):
    return dict(DeliverySlot.objects.filter(mailing_id=mailing.pk).values_list("country_code", "state"))


def test_freeze_makes_a_slot_for_each_country_in_the_order_of_their_turns(world):
    frozen(world, at(world, -24))

    found = DeliverySlot.objects.filter(mailing_id=world.pk).order_by("number")
    assert [(s.country_code, s.zone, s.people, s.state) for s in found] == [
        ("FJ", "Pacific/Fiji", 2, "waiting"),
        ("SN", "Africa/Dakar", 1, "waiting"),
        ("CO", "America/Bogota", 1, "waiting"),
    ]
    assert dues(world) == {"FJ": at(world, -12), "SN": at(world, 0), "CO": at(world, 5)}
    chunks = DeliveryChunk.objects.filter(mailing_id=world.pk).order_by("first_seq")
    assert [(k.first_seq, k.last_seq, k.is_open, k.due_at) for k in chunks] == [
        (1, 2, False, at(world, -12)),
        (3, 3, False, at(world, 0)),
        (4, 4, False, at(world, 5)),
    ]
    assert [d.country_code for d in Delivery.objects.filter(mailing_id=world.pk).order_by("seq")] == [
        "FJ",
        "FJ",
        "SN",
        "CO",
    ]
    assert audit(world).problems == []


@pytest.mark.django_db(transaction=True)
def test_sweep_opens_what_is_due_and_nothing_else_leaves(world, sink):
    use(world, sink)
    frozen(world, at(world, -24))
    send_some(world.pk)
    assert counts(world.pk)["accepted"] == 0

    come(world, "FJ")
    sweep()
    send_some(world.pk)

    assert states(world) == {"FJ": "open", "SN": "waiting", "CO": "waiting"}
    assert (counts(world.pk)["accepted"], counts(world.pk)["pending"]) == (2, 2)
    assert progress(world).waiting == 2
    assert not finish_if_done(world.pk)
    assert audit(world).problems == []
    come(world, "SN")
    come(world, "CO", ago=timedelta(hours=1))
    sweep()
    send_some(world.pk)
    assert finish_if_done(world.pk)
    assert counts(world.pk)["accepted"] == 4


def test_turn_that_is_due_when_it_is_frozen_opens_at_once(world, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        frozen(world, at(world, -12))

    assert states(world)["FJ"] == "open"


@pytest.mark.django_db(transaction=True)
def test_country_whose_time_passed_too_long_ago_is_late_and_others_go_on(world, sink, approver, editor):
    use(world, sink)
    world.max_lateness = timedelta(hours=4)
    frozen(world, at(world, -24))

    come(world, "FJ", ago=timedelta(hours=4, minutes=1))  # the system was down in the night
    come(world, "SN", ago=timedelta(hours=3, minutes=59))

    sweep()

    assert states(world) == {"FJ": "late", "SN": "open", "CO": "waiting"}
    send_some(world.pk)
    assert counts(world.pk)["accepted"] == 1
    found = waits.waits_of(world)
    assert (found.late_people, found.late_names, found.people) == (2, ["Fiji"], 1)
    with pytest.raises(NotAllowed):
        slots.release_late(mailing=world, actor=editor)

    slots.release_late(mailing=world, actor=approver)
    slots.release_late(mailing=world, actor=approver)  # twice is once
    assert states(world)["FJ"] == "open"
    assert AuditEntry.objects.filter(verb="mailing.late_released").count() == 1
    send_some(world.pk)
    assert counts(world.pk)["accepted"] == 3
    assert audit(world).problems == []


def test_late_ones_can_be_left_out_and_the_sum_stays(world, editor, viewer):
    frozen(world, at(world, -24))
    slots.open_due(now=at(world, 1))
    with pytest.raises(NotAllowed):
        slots.leave_out_late(mailing=world, actor=viewer)

    slots.leave_out_late(mailing=world, actor=editor)

    assert states(world)["FJ"] == "left_out"
    assert (counts(world.pk)["cancelled"], counts(world.pk)["pending"]) == (2, 2)
    assert sum(counts(world.pk).values()) == world.audience_count == 4
    assert waits.waits_of(world).late_people == 0


def test_what_left_before_the_rest_was_left_out_counts_for_its_people(world, editor):
    frozen(world, at(world, -24))
    slots.open_due(now=at(world, 1))
    sent = Delivery.objects.filter(mailing_id=world.pk, country_code="FJ").order_by("seq")[0]
    Delivery.objects.filter(mailing_id=world.pk, seq=sent.seq).update(state="accepted", settled_at=timezone.now())

    slots.leave_out_late(mailing=world, actor=editor)

    assert (counts(world.pk)["cancelled"], counts(world.pk)["accepted"]) == (1, 1)
    assert list(EngagementDay.objects.values_list("person_id", "mailed")) == [(sent.person_id, 1)]


def test_paused_mailing_opens_nothing_and_is_judged_when_it_goes_on(world, planner):
    frozen(world, at(world, -24))
    services.pause(mailing=world, actor=planner)
    assert slots.open_due(now=at(world, -12)) == 0

    services.resume(mailing=world, actor=planner)

    assert slots.open_due(now=at(world, -11)) == 1
    assert states(world)["FJ"] == "open"


def test_cancelled_while_it_waits_leaves_nothing_open(world, planner):
    frozen(world, at(world, -24))
    services.cancel(mailing=world, actor=planner)
    sweep(now=at(world, 10))

    assert counts(world.pk)["cancelled"] == 4
    assert set(states(world).values()) == {"waiting"}


def test_hours_close_and_the_rest_waits_for_the_next_opening(world):
    world.sends_local, world.send_local = False, None
    world.hours_from, world.hours_until = time(9), time(17)
    noon = _nine() + timedelta(hours=3)
    frozen(world, noon)
    slots.open_due(now=noon)
    assert states(world) == {"FJ": "waiting", "SN": "open", "CO": "waiting"}
    assert dues(world)["FJ"] == noon + timedelta(hours=9)  # 00:00 there
    seq = Delivery.objects.get(mailing_id=world.pk, country_code="SN").seq
    Delivery.objects.filter(mailing_id=world.pk, seq=seq).update(state="deferred")
    DeliveryRetry.objects.create(mailing_id=world.pk, seq=seq, due_at=noon + timedelta(hours=5, minutes=5))

    assert slots.close_over(now=noon + timedelta(hours=5)) == 1

    slot = DeliverySlot.objects.get(mailing_id=world.pk, country_code="SN")
    morning = noon + timedelta(hours=21)
    assert (slot.state, slot.due_at, slot.closes_at) == ("waiting", morning, morning + timedelta(hours=8))
    assert not DeliveryChunk.objects.get(mailing_id=world.pk, slot=slot.number).is_open
    assert DeliveryRetry.objects.get().due_at == morning  # what a server deferred keeps to the hours too


def test_turn_and_its_end_both_missed_waits_for_the_next_day(world):
    world.sends_local, world.send_local = False, None
    world.hours_from, world.hours_until, world.max_lateness = time(9), time(10), timedelta(hours=4)
    start = _nine() - timedelta(hours=1)
    frozen(world, start)

    slots.open_due(now=start + timedelta(hours=3))  # 11:00 in Senegal

    slot = DeliverySlot.objects.get(mailing_id=world.pk, country_code="SN")
    assert (slot.state, slot.due_at) == ("waiting", start + timedelta(hours=25))


@pytest.mark.django_db(transaction=True)
def test_slot_that_has_nothing_left_is_not_postponed(world, sink):
    use(world, sink)
    frozen(world, at(world, -24))
    for code in ZONES:
        come(world, code)
    slots.open_due()
    DeliverySlot.objects.update(closes_at=timezone.now() + timedelta(hours=1))
    send_some(world.pk)

    assert counts(world.pk)["accepted"] == 4
    assert slots.close_over(now=timezone.now() + timedelta(days=2)) == 0
    assert finish_if_done(world.pk)


def test_mailing_is_late_as_a_whole_only_when_it_is_for_all(world):
    to_freezing(world)
    world.state, world.send_at, world.max_lateness = "scheduled", at(world, -12), timedelta(hours=4)
    world.save()
    assert begin_due(now=at(world, 3)) == [world.pk]

    world.refresh_from_db()
    world.state = "scheduled"
    world.save()
    assert begin_due(now=at(world, 48)) == []
    world.refresh_from_db()
    assert world.state == "held"


def test_without_rules_there_is_one_moment_and_no_slot(mailing):
    subscriber(mailing.topic, 1)
    to_freezing(mailing)
    assert freeze(mailing_id=mailing.pk)

    assert not DeliverySlot.objects.exists()
    chunk = DeliveryChunk.objects.get()
    assert (chunk.slot, chunk.is_open) == (None, True)


# --- rules and approval ---------------------------------------------------------------------------------------------------
def test_time_of_everybody_is_computed_and_past_ones_are_refused(world, planner):
    values = {"sends_local": True, "send_local": _nine(1)}
    row = editing.save_settings(mailing=world, actor=planner, version=world.content_version, values=values)
    places = places_of(row)
    assert row.send_at == span(_nine(1).replace(tzinfo=None), places)[0]
    assert row.send_at < _nine(1) - timedelta(hours=11)

    with pytest.raises(Invalid, match="passed everywhere"):
        editing.save_settings(
            mailing=row, actor=planner, version=row.content_version, values={"send_local": _nine(-10)}
        )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hours_from": time(9)}, "or neither"),
        ({"hours_from": time(18), "hours_until": time(9)}, "before they end"),
        ({"hours_from": time(10), "hours_until": time(12)}, "not between 10:00 and 12:00"),
        ({"send_local": None}, "at which local time"),
    ],
    ids=["half", "turned", "outside", "no time"],
)
def test_rules_that_contradict_each_other_are_refused(world, planner, values, said):
    with pytest.raises(Invalid, match=said):
        editing.save_settings(mailing=world, actor=planner, version=world.content_version, values=values)

    world.refresh_from_db()
    assert (world.hours_from, world.send_local) == (None, _nine())


@pytest.mark.parametrize("field", ["sends_local", "skips_weekends", "skips_holidays", "hours"])
def test_approval_holds_the_rules(world, field):
    world.sends_local = field != "sends_local"
    world.save()
    to_freezing(world)
    assert changed_since_approval(world) == []
    if field == "hours":
        world.hours_from, world.hours_until = time(8), time(18)
    else:
        setattr(world, field, True)
    world.save()

    assert changed_since_approval(world) == ["at whose time it leaves, or within which hours and days"]


def test_schedule_begins_now_where_the_time_has_come_somewhere(world, planner):
    to_freezing(world)
    now = timezone.now()
    # it is past this time in Fiji, and not yet in Colombia
    world.send_local = now.replace(hour=now.hour, second=0, microsecond=0)
    world.state, world.send_at = "approved", now - timedelta(hours=12)
    world.save()

    row = services.schedule(mailing=world, actor=planner)

    assert now <= row.send_at <= timezone.now()


# --- screens ----------------------------------------------------------------------------------------------------------------
def test_its_page_says_who_waits_and_an_approver_decides_about_late_ones(world, approver, viewer, sign_in):
    frozen(world, at(world, -24))
    url = reverse("mailing_detail", args=[world.uid])
    page = sign_in(viewer).get(url).content.decode()
    assert "It waits until it is" in page
    assert "Fiji" in page and "Colombia" in page and "Senegal" in page

    slots.open_due(now=at(world, 1))
    page = sign_in(approver).get(url).content.decode()
    assert "Too late for 2 people" in page
    act = reverse("mailing_late", args=[world.uid, "release"])
    assert act in page
    assert sign_in(viewer).post(act).status_code == 403
    assert states(world)["FJ"] == "late"
    assert sign_in(approver).post(act).status_code == 302
    assert states(world)["FJ"] == "open"
    assert sign_in(approver).post(reverse("mailing_late", args=[world.uid, "nothing"])).status_code == 404


def test_waits_are_two_queries_however_many_countries(world, django_assert_num_queries):
    frozen(world, at(world, -24))
    with django_assert_num_queries(2):
        assert len(waits.waiting(world)) == 3
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_deliverychunk SET is_done = true WHERE slot <> (SELECT number FROM campaigns_deliveryslot"
            " WHERE country_code = 'FJ')"
        )
    DeliverySlot.objects.exclude(country_code="FJ").delete()
    with django_assert_num_queries(2):
        assert len(waits.waiting(world)) == 1


def test_preflight_says_when_it_arrives_where(world, planner, sign_in):
    world.skips_holidays = True
    world.send_at = span(world.send_local.replace(tzinfo=None), places_of(world))[0]
    world.save()

    page = sign_in(planner).get(reverse("mailing_preflight", args=[world.uid])).content.decode()

    assert "Each gets it at 09:00 where they are" in page
    assert "First in Fiji" in page and "Last in Colombia" in page


def test_settings_say_what_the_times_mean_before_they_are_saved(world, editor, sign_in):
    client = sign_in(editor)
    world.scope_countries = list(ZONES)
    world.save()
    url = reverse("mailing_when", args=[world.uid])
    asked = {"when": "local", "send_local": "2040-06-05T09:00", "send_zone": "UTC"}

    said = client.get(url, asked).content.decode()
    assert "Each gets it at 09:00 where they are." in said
    assert "First in Fiji, where Tue 5 Jun 09:00 is Mon 4 Jun 21:00 for you." in said
    assert "Last in Colombia: Tue 5 Jun 09:00 there is Tue 5 Jun 14:00 for you." in said
    assert "09:00 is not between 10:00 and 12:00" in client.get(url, {**asked, "hours_from": "10:00", "hours_until": "12:00"}).content.decode()  # fmt: skip
    assert "Say when it should leave." in client.get(url, {**asked, "send_local": ""}).content.decode()
    assert "passed everywhere" in client.get(url, {**asked, "send_local": "2020-06-05T09:00"}).content.decode()
    # 4 April 2040 is a Wednesday, and Independence Day in Senegal
    holiday = client.get(url, {**asked, "send_local": "2040-04-04T09:00", "skips_holidays": "on"}).content.decode()
    assert "Senegal: Independence Day, so Thu 5 Apr 09:00" in holiday
    night = client.get(url, {"when": "at", "send_local": "2040-06-05T12:00", "send_zone": "UTC", "hours_from": "08:00", "hours_until": "18:00"}).content.decode()  # fmt: skip
    assert "Last in Fiji: Wed 6 Jun 08:00 there is Tue 5 Jun 20:00 for you." in night
    assert "at the same moment: 5 Jun 2040, 12:00" in client.get(url, {**asked, "when": "at", "send_local": "2040-06-05T12:00"}).content.decode()  # fmt: skip
    world.refresh_from_db()
    assert world.send_local == _nine()


def test_settings_keep_the_rules(world, editor, sign_in):
    client = sign_in(editor)
    url = reverse("mailing_settings", args=[world.uid])
    page = client.get(url)
    form = page.context["form"]
    data = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in data.items() if value not in (None, False)}
    data |= {"when": "local", "send_local": "2040-06-05T09:00", "hours_from": "08:00", "hours_until": "18:00", "skips_holidays": "on"}  # fmt: skip

    assert client.post(url, data).status_code == 302

    world.refresh_from_db()
    assert (world.sends_local, world.hours_from, world.hours_until) == (True, time(8), time(18))
    assert (world.skips_holidays, world.skips_weekends) == (True, False)
    page = client.get(reverse("mailing_detail", args=[world.uid])).content.decode()
    assert "Tue 5 Jun at 09:00, where each recipient is" in page
    assert "between 08:00 and 18:00" in page and "not on its national holidays" in page


def test_today_asks_an_approver_about_late_ones(world, approver, viewer, sign_in):
    frozen(world, at(world, -24))
    slots.open_due(now=at(world, 1))

    assert "is too late for some" in sign_in(approver).get(reverse("today")).content.decode()
    assert "is too late for some" not in sign_in(viewer).get(reverse("today")).content.decode()


def test_report_adds_up_while_some_wait(world, viewer, sign_in):
    frozen(world, at(world, -24))

    page = sign_in(viewer).get(reverse("mailing_report", args=[world.uid])).content.decode()

    assert "adds up" in page
    assert sum(counts(world.pk).values()) == 4
