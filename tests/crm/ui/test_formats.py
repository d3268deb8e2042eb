"""Numbers, times and names as people read them."""

import datetime as dt

import pytest
from django.utils import timezone, translation

from crm.ui import formats
from crm.ui.cells import breakable

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (dt.timedelta(seconds=20), "just now"),
        (dt.timedelta(seconds=-20), "in a moment"),
        (dt.timedelta(minutes=5), "5 min ago"),
        (dt.timedelta(hours=3), "3 h ago"),
        (dt.timedelta(hours=12), "yesterday"),
        (dt.timedelta(days=4), "4 days ago"),
        (dt.timedelta(days=60), "24 Sept"),
        (dt.timedelta(days=800), "14 Sept 2024"),
        (-dt.timedelta(minutes=130), "in 2 h 10 min"),
        (-dt.timedelta(days=1), "tomorrow, 09:00"),
        (-dt.timedelta(days=3), "in 3 days"),
    ],
)
def test_relative_reads_as_one_says_it(gap, text):
    assert formats.relative(NOW - gap, now=NOW) == text


def test_day_turns_at_the_readers_midnight():
    at = dt.datetime(2026, 11, 22, 22, 30, tzinfo=dt.UTC)

    with timezone.override("Africa/Lusaka"):  # 00:30 of the 23rd there
        assert formats.relative(at, now=NOW) == "10 h 30 min ago"
        assert formats.full_moment(at) == "Monday, 23 November 2026, 00:30 (Africa/Lusaka)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h"), (7800, "2 h 10 min"), (200_000, "2 days")],
)
def test_duration_names_the_largest_units(seconds, text):
    assert formats.duration(seconds) == text


def test_numbers_follow_the_language():
    with translation.override("fr"):
        assert formats.number(12345) == "12\u202f345"
        assert formats.percent(6.7) == "6,7\u00a0%"
    assert formats.number(12345) == "12,345"
    assert formats.percent(50.0) == "50\u00a0%"
    assert formats.number(None) == "–"


def test_share_of_nothing_is_unknown():
    assert formats.share(412, 6120) == "6.7\u00a0%"
    assert formats.share(0, 0) == "–"


@pytest.mark.parametrize(
    ("name", "letters"), [("Fatou Ndiaye", "FN"), ("Rakoto", "R"), ("  ", "?"), ("عبد الله", "عا"), ("3 (Ana)", "?")]
)
def test_initials(name, letters):
    assert formats.initials(name) == letters


def test_sizes():
    assert formats.size(38 * 1024) == "38\u00a0KB"
    assert formats.size(1_500_000) == "1.4\u00a0MB"


def test_address_breaks_at_its_joints_and_is_escaped():
    assert breakable("ada@mail.example.org") == "ada@<wbr>mail<wbr>.example<wbr>.org"
    assert breakable("<b>@x") == "&lt;b&gt;@<wbr>x"
    assert breakable("nobody") == "nobody"


def test_name_that_reads_right_to_left_turns_nothing_beside_it_round():
    assert formats.isolated("لينا") == "\u2068لينا\u2069"
    assert formats.isolated("Lina") == "Lina"
