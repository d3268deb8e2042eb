"""What the clock says where a mailing arrives: both changes of the clocks, nights, weekends and holidays of each country."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.hours import arrivals, hour_findings
from campaigns.mailings.calendars import day_of
from contacts.directory.models import Country
from tests.factories import CountryFactory, MailingFactory

pytestmark = pytest.mark.django_db

TUESDAY = datetime(2027, 6, 8, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def countries():
    for code, zone in {
        "FJ": "Pacific/Fiji", "CO": "America/Bogota", "SN": "Africa/Dakar", "CH": "Europe/Zurich", "EG": "Africa/Cairo"
    }.items():  # fmt: skip
        CountryFactory(code=code)
        Country.objects.filter(code=code).update(time_zone=zone)


def titles(moment: datetime, **people: int) -> list[tuple[str, str, str]]:
    mailing = MailingFactory(send_at=moment)
    return [(finding.kind, finding.title, finding.why) for finding in hour_findings(mailing, people)]


def test_same_moment_is_night_here_and_evening_there() -> None:
    found = titles(TUESDAY, FJ=10, SN=5, CO=1)

    assert found[0] == ("warn", "It is night for 11 people", "Fiji: Tue 21:00; Colombia: Tue 04:00.")
    assert found[1][1] == "It arrives between Tue 21:00 in Fiji and Tue 04:00 in Bogota"
    assert "in 3 countries" in found[1][2]


@pytest.mark.parametrize(
    ("moment", "clock"),
    [
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), "01:59"),  # clocks go forward over 02:00–03:00
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "03:00"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "02:30"),  # 02:30 comes twice
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "02:30"),
        (datetime(2027, 10, 31, 2, 0, tzinfo=UTC), "03:00"),
    ],
)
def test_local_clock_on_days_when_the_clocks_change(moment, clock) -> None:
    (one,) = arrivals(moment, {"CH": 1})

    assert f"{one.local:%H:%M}" == clock
    assert one.is_night


def test_weekend_and_holidays_are_the_countrys_own() -> None:
    assert day_of("CH", date(2027, 6, 12)) == (True, "")  # Saturday
    assert day_of("EG", date(2027, 6, 11))[0]  # Friday
    assert not day_of("CH", date(2027, 6, 11))[0]
    assert not day_of("EG", date(2027, 6, 13))[0]  # Sunday: people work
    assert day_of("SN", date(2028, 4, 4))[1] == "Independence Day"
    assert day_of("XX", date(2027, 6, 12)) == (True, "")  # of no country that calendars know


def test_holiday_is_named_and_a_weekend_is_said() -> None:
    independence = datetime(2028, 4, 4, 10, tzinfo=UTC)
    assert titles(independence, SN=3, CH=9)[0] == ("warn", "It is a holiday for 3 people", "Senegal: Independence Day.")
    saturday = datetime(2027, 6, 12, 10, tzinfo=UTC)
    assert titles(saturday, CH=1) == [("warn", "It is the weekend for 1 person", "Switzerland: Sat 12:00.")]


def test_common_hour_of_one_country_needs_no_word() -> None:
    assert titles(TUESDAY, CH=9) == []


def test_no_time_or_a_past_one_is_not_judged() -> None:
    assert titles(timezone.now() - timedelta(days=1), CH=1, FJ=1) == []
    assert list(hour_findings(MailingFactory(), {"CH": 1})) == []


def test_country_without_a_zone_is_left_out_and_many_are_one_query() -> None:
    Country.objects.filter(code="CO").update(time_zone="Nowhere/At all")
    with CaptureQueriesContext(connection) as asked:
        found = arrivals(TUESDAY, {"CO": 1, "": 4, "FJ": 1, "SN": 1, "CH": 1})
    assert len(asked) == 1
    assert [one.place for one in found] == ["Fiji", "Zurich", "Dakar"]


def test_preflight_shows_it(planner, sign_in) -> None:
    mailing = MailingFactory(send_at=timezone.now() + timedelta(days=400))

    answer = sign_in(planner).get(reverse("mailing_preflight", args=[mailing.uid]))

    assert answer.status_code == 200
