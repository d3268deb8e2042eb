"""The calendar's arithmetic."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from campaigns.activities.calendar import LANES, lines_of, read_month, span_of, weeks_of


@dataclass
class Row:
    pk: int
    starts_on: date
    due_on: date


def row(pk: int, first: str, last: str) -> Row:
    return Row(pk, date.fromisoformat(first), date.fromisoformat(last))


OCTOBER = span_of("month", date(2026, 10, 1))


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-09", date(2026, 9, 1)),
        ("2026-13", date(2026, 11, 1)),
        ("99999-01", date(2026, 11, 1)),
        ("", date(2026, 11, 1)),
        ("now", date(2026, 11, 1)),
    ],
)
def test_a_month_is_read_and_nonsense_is_this_month(text, month):
    assert read_month(text, date(2026, 11, 26)) == month


@pytest.mark.parametrize(
    ("view", "first", "last"),
    [
        ("month", date(2026, 2, 1), date(2026, 2, 28)),
        ("quarter", date(2026, 1, 1), date(2026, 3, 31)),
        ("year", date(2026, 1, 1), date(2026, 12, 31)),
        ("fortnight", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_spans_begin_and_end_as_the_calendar_does(view, first, last):
    span = span_of(view, date(2026, 2, 1))

    assert (span.first, span.last) == (first, last)
    assert span.after == last + timedelta(1)
    assert span_of("year", date(2150, 3, 1)).after is None


def test_bars_stand_in_each_week_that_they_touch_in_lanes_of_their_own():
    weeks = weeks_of(
        OCTOBER,
        [row(1, "2026-10-02", "2026-10-06"), row(2, "2026-10-03", "2026-10-03"), row(3, "2026-10-04", "2026-10-04")],
    )

    shown = [
        [(bar.row.pk, bar.column, bar.span, bar.lane, bar.begins_here, bar.ends_here) for bar in w.bars] for w in weeks
    ]
    assert weeks[0].days[0] == date(2026, 9, 28)
    assert shown[0] == [(1, 5, 3, 1, True, False), (2, 6, 1, 2, True, True), (3, 7, 1, 2, True, True)]
    assert shown[1] == [(1, 1, 2, 1, False, True)]
    assert shown[2] == []


def test_what_finds_no_lane_is_counted():
    weeks = weeks_of(OCTOBER, [row(pk, "2026-10-05", "2026-10-06") for pk in range(LANES + 3)])

    assert (len(weeks[1].bars), weeks[1].hidden, weeks[1].lanes) == (LANES, 3, LANES)


def test_lines_are_cut_at_the_edges():
    year = span_of("year", date(2026, 5, 1))

    lines = lines_of(
        year,
        [row(1, "2025-11-01", "2026-01-10"), row(2, "2026-12-31", "2027-02-01"), row(3, "2024-01-01", "2024-02-01")],
    )

    assert [(line.row.pk, line.start, line.length) for line in lines] == [(1, 0, 10), (2, 364, 1)]
