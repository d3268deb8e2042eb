"""The value of a rule: is it what its operator takes? Each check gives the value as it is kept, and a sentence where it is wrong."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.segments.registry import Field, Operator

MAX_VALUES = 300
MAX_TEXT = 200
MAX_DAYS = 36_500
MAX_TIMES = 10_000


def checked_value(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    """The checked value, or a sentence that says what is wrong with it."""
    return {
        "nothing": _nothing,
        "choices": _choices,
        "number": _number,
        "range": _range,
        "days": _days,
        "date": _date,
        "text": _text,
        "period": _period,
        "count": _count,
        "year": _year,
        "year_number": _year_number,
        "change": _change,
    }[operator.takes](about, operator, value)


def _nothing(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    return None, "" if value is None else _("“%(operator)s” takes no value.") % {"operator": operator.label}


def _choices(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None, _("“%(field)s” takes a list of choices.") % {"field": about.label}
    if not value:
        return None, _("Choose at least one.")
    if len(value) > MAX_VALUES:
        return None, _("Choose %(most)s at most; use a list for more.") % {"most": MAX_VALUES}
    if any("\x00" in item or len(item) > MAX_TEXT for item in value):
        return None, _("One of the choices is no name of anything.")
    return list(dict.fromkeys(value)), ""


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= 10**12


def shown_number(value: float, unit: str = "") -> str:
    return f"{value:,.10g}".replace("-", "−") + (f"\u00a0{unit}" if unit else "")


def _number(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Write a number.")
    if not is_number(value):
        return None, _("“%(field)s” is compared with a number, such as 20.") % {"field": about.label}
    low, high = about.minimum, about.maximum
    shown = shown_number(value, about.unit)
    nothing_below = low is not None and (value < low or (operator.code == "below" and value == low))
    nothing_above = high is not None and (value > high or (operator.code == "above" and value == high))
    if nothing_below or nothing_above:
        if low is not None and high is not None:
            between = {"low": shown_number(low), "high": shown_number(high, about.unit)}
            words = {"field": about.label, "operator": operator.label, "value": shown, **between}
            return None, _("“%(field)s” lies between %(low)s and %(high)s: “%(operator)s %(value)s” is impossible or says nothing.") % words  # fmt: skip
        return None, _("“%(operator)s %(value)s” is impossible for “%(field)s”.") % {"operator": operator.label, "value": shown, "field": about.label}  # fmt: skip
    return value, ""


def _range(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes two numbers.") % {"operator": operator.label}
    for item in value:
        problem = _number(about, operator, item)[1]
        if problem:
            return None, problem
    if value[0] > value[1]:
        return None, _("The first number, %(low)s, is greater than the second, %(high)s: nothing lies between them.") % {"low": shown_number(value[0]), "high": shown_number(value[1])}  # fmt: skip
    return value, ""


def _days(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Write a number of days.")
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        return None, _("Write a whole number of days, from 1 to %(most)s.") % {"most": shown_number(MAX_DAYS)}
    return value, ""


def _date(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not value:
        return None, _("Write a date.")
    try:
        if not isinstance(value, str) or len(value) != 10:
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        return None, _("Write the date as year-month-day, such as 2026-03-01.")
    if not date(1900, 1, 1) <= day <= timezone.localdate():
        return None, _("%(date)s cannot be: choose a day from 1900 to today.") % {"date": value}
    return value, ""


def _period(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes two dates.") % {"operator": operator.label}
    for item in value:
        problem = _date(about, operator, item)[1]
        if problem:
            return None, problem
    if value[0] > value[1]:
        return None, _("The first date, %(low)s, is later than the second, %(high)s: no day lies between them.") % {"low": value[0], "high": value[1]}  # fmt: skip
    return value, ""


def _count(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes a number of times and a number of days.") % {"operator": operator.label}
    times, days = value
    if type(times) is not int or not 1 <= times <= MAX_TIMES:
        return None, _("Write how many times, from 1 to %(most)s.") % {"most": shown_number(MAX_TIMES)}
    problem = _days(about, operator, days)[1]
    return (None, problem) if problem else (value, "")


def _year(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if value is None:
        return None, _("Choose a year.")
    this_year = timezone.localdate().year
    if type(value) is not int or not 1900 <= value <= this_year:
        return None, _("Write a year from 1900 to %(latest)s.") % {"latest": this_year}
    return value, ""


def _year_number(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, list) or len(value) != 2:
        return None, _("“%(operator)s” takes a year and a number.") % {"operator": operator.label}
    problem = _year(about, operator, value[0])[1] or _number(about, operator, value[1])[1]
    return (None, problem) if problem else (value, "")


def _change(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    """By how much, between which years; a rise or fall of nothing says nothing."""
    if not isinstance(value, list) or len(value) != 3:
        return None, _("“%(operator)s” takes two years and a number.") % {"operator": operator.label}
    first, last, by = value
    problem = _year(about, operator, first)[1] or _year(about, operator, last)[1]
    if problem:
        return None, problem
    if first >= last:
        return None, _("The first year, %(first)s, is not before the second, %(last)s.") % {
            "first": first,
            "last": last,
        }
    if by is None:
        return None, _("Write a number.")
    widest = about.maximum - about.minimum if about.maximum is not None and about.minimum is not None else 10**12
    if not is_number(by) or not 0 < by <= widest:
        return None, _("Write by how much it changed, more than 0 and at most %(most)s.") % {
            "most": shown_number(widest)
        }
    return value, ""


def _text(about: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    if not isinstance(value, str) or not value.strip():
        return None, _("Write the words to look for.")
    if len(value) > MAX_TEXT or "\x00" in value:
        return None, _("Write %(most)s characters at most.") % {"most": MAX_TEXT}
    return " ".join(value.split()), ""
