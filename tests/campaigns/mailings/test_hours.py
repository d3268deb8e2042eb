"""When each recipient may get a mailing: in every zone, on days when clocks change, within hours, on working days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from campaigns.mailings.hours import Hours, Place, Turn, span, to_utc

SUVA = Place("FJ", "Fiji", "Pacific/Fiji")
ZURICH = Place("CH", "Switzerland", "Europe/Zurich")
BERLIN = Place("DE", "Germany", "Europe/Berlin")
CAIRO = Place("EG", "Egypt", "Africa/Cairo")
DAKAR = Place("SN", "Senegal", "Africa/Dakar")
PAGO = Place("AS", "American Samoa", "Pacific/Pago_Pago")
NINE = datetime(2027, 6, 8, 9, 0)  # a Tuesday
EARLY = datetime(2027, 6, 1, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def changes(zone: ZoneInfo) -> list[tuple[datetime, timedelta, timedelta]]:
    """(moment, offset before, offset after) of the changes of its clocks in two years."""
    found = []
    before = utc(2026, 1, 1)
    for number in range(1, 2 * 365):
        after = utc(2026, 1, 1) + timedelta(days=number)
        if _offset(before, zone) != _offset(after, zone):
            first, last = before, after
            while last - first > timedelta(minutes=1):
                middle = first + (last - first) // 2
                middle = middle.replace(second=0, microsecond=0)
                if middle in (first, last):
                    break
                first, last = (first, middle) if _offset(middle, zone) == _offset(after, zone) else (middle, last)
            found.append((last, _offset(before, zone), _offset(after, zone)))
        before = after
    return found


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def test_both_changes_of_clocks_in_every_zone_there_is() -> None:
    skipped = doubled = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for moment, before, after in changes(zone):
            naive = moment.replace(tzinfo=None)
            # in the middle of what is skipped, or of what comes twice
            local = naive + (before + after) / 2
            found = to_utc(local.date(), local.time(), zone)
            assert found == (local - before).replace(tzinfo=UTC), name
            shown = found.astimezone(zone).replace(tzinfo=None)
            if after > before:
                skipped += 1
                assert shown == local + (after - before), name  # 02:30 became 03:30
            else:
                doubled += 1
                assert (shown, found < moment) == (local, True), name  # the first of the two
    assert skipped > 200 and doubled > 200


def test_every_zone_has_its_nine_o_clock() -> None:
    for name in sorted(available_timezones()):
        turn = Hours(local=NINE).turn(EARLY, Place("", "", name))
        assert turn.due.astimezone(ZoneInfo(name)).replace(tzinfo=None) == NINE, name


def test_one_local_time_goes_round_the_earth() -> None:
    assert Hours(local=NINE).turn(EARLY, SUVA) == Turn(utc(2027, 6, 7, 21), None)
    assert Hours(local=NINE).turn(EARLY, PAGO) == Turn(utc(2027, 6, 8, 20), None)
    assert span(NINE, [SUVA, ZURICH, PAGO]) == (utc(2027, 6, 7, 21), utc(2027, 6, 8, 20))


def test_local_time_that_has_passed_is_for_the_next_day() -> None:
    start = utc(2027, 6, 8, 6, 30)  # 08:30 in Zurich
    assert Hours(local=NINE).turn(start, ZURICH).due == utc(2027, 6, 8, 7)
    assert Hours(local=NINE).turn(start, SUVA).due == utc(2027, 6, 8, 21)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        (datetime(2027, 3, 28, 2, 30), utc(2027, 3, 28, 1, 30)),  # does not exist: shown as 03:30
        (datetime(2027, 10, 31, 2, 30), utc(2027, 10, 31, 0, 30)),  # comes twice: the first
    ],
)
def test_local_time_on_days_when_clocks_change(local, expected) -> None:
    assert Hours(local=local).turn(EARLY - timedelta(days=100), ZURICH).due == expected


def test_weekend_is_the_countrys_own() -> None:
    friday = datetime(2027, 6, 11, 9, 0)
    hours = Hours(local=friday, weekends=True)
    assert hours.turn(EARLY, ZURICH).due == utc(2027, 6, 11, 7)
    assert hours.turn(EARLY, CAIRO).due == utc(2027, 6, 13, 6)  # Sunday: Friday and Saturday are free there


def test_holidays_are_skipped_and_the_weekend_behind_them_too() -> None:
    # Independence Day in Senegal is a Tuesday in 2028
    independence = datetime(2028, 4, 4, 9, 0)
    assert Hours(local=independence).turn(EARLY, DAKAR).due == utc(2028, 4, 4, 9)
    assert Hours(local=independence, holidays=True).turn(EARLY, DAKAR).due == utc(2028, 4, 5, 9)
    # Good Friday, weekend and Easter Monday
    easter = datetime(2027, 3, 26, 9, 0)
    assert Hours(local=easter, holidays=True, weekends=True).turn(utc(2027, 3, 1), BERLIN).due == utc(2027, 3, 30, 7)


def test_hours_of_the_day_hold_back_those_for_whom_it_is_night() -> None:
    hours = Hours(opens=time(8), closes=time(18))
    start = utc(2027, 6, 8, 9, 0)
    assert hours.turn(start, ZURICH) == Turn(start, utc(2027, 6, 8, 16))  # 11:00 there: at once
    assert hours.turn(start, SUVA) == Turn(utc(2027, 6, 8, 20), utc(2027, 6, 9, 6))  # 21:00 there
    assert hours.turn(start, PAGO) == Turn(utc(2027, 6, 8, 19), utc(2027, 6, 9, 5))  # 22:00 the day before
    assert hours.turn(utc(2027, 6, 8, 16), ZURICH).due == utc(2027, 6, 9, 6)  # the end is not within


def test_days_without_hours_end_at_midnight() -> None:
    friday = utc(2027, 6, 11, 20)
    turn = Hours(weekends=True).turn(friday, ZURICH)
    assert turn == Turn(friday, utc(2027, 6, 11, 22))
    assert Hours(weekends=True).turn(utc(2027, 6, 11, 22), ZURICH).due == utc(2027, 6, 13, 22)


def test_what_is_left_at_a_local_time_goes_on_at_that_time() -> None:
    hours = Hours(local=NINE, opens=time(8), closes=time(18))
    first = hours.turn(EARLY, ZURICH)
    assert first == Turn(utc(2027, 6, 8, 7), utc(2027, 6, 8, 16))
    assert hours.turn(first.closes, ZURICH).due == utc(2027, 6, 9, 7)


def test_clocks_that_go_back_do_not_open_twice() -> None:
    """The moment itself is kept, also when its wall clock comes twice."""
    second = utc(2027, 10, 31, 1, 30)  # the second 02:30 in Zurich
    assert Hours(opens=time(1), closes=time(18)).turn(second, ZURICH).due == second


def test_zone_that_nobody_knows_is_read_as_utc() -> None:
    assert Hours(local=NINE).turn(EARLY, Place("XX", "", "Nowhere/At all")).due == utc(2027, 6, 8, 9)
    assert not Hours(holidays=True).is_closed("XX", date(2027, 6, 12))
