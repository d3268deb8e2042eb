"""What was answered, all together: how often each option, what numbers and days look like. Two queries, however many questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.forms.checking import Offers
from campaigns.forms.questions import WITH_OPTIONS, Kind, Question
from crm.ui import formats
from crm.ui.charts import Chart, Series

BY_VALUE = frozenset({Kind.CHOICE, Kind.CHOICES, Kind.COUNTRY, Kind.CONSENT, Kind.NUMBER, Kind.DATE})
BARS = 12  # countries, and steps of numbers
MONTHS = 36

COUNTS = """
SELECT e.key, x.v, count(*)
  FROM ({rows}) s CROSS JOIN LATERAL jsonb_each(s.answers) e
 CROSS JOIN LATERAL (
       SELECT jsonb_array_elements_text(e.value) WHERE jsonb_typeof(e.value) = 'array'
       UNION ALL SELECT e.value #>> '{{}}' WHERE jsonb_typeof(e.value) <> 'array') x (v)
 WHERE e.key = ANY(%s) GROUP BY 1, 2
"""
ANSWERED = "SELECT k, count(*) FROM ({rows}) s CROSS JOIN LATERAL jsonb_object_keys(s.answers) k GROUP BY 1"


@dataclass
class Outcome:
    """What one question brought. words: a sentence beside the chart; chart: None where there is nothing to draw."""

    question: Question
    label: str
    answered: int
    words: str = ""
    chart: Chart | None = None


def outcomes(
    questions: Iterable[Question], rows: Any, offers: Offers, language: str, *, url: str = ""
) -> list[Outcome]:
    """rows: the submissions that count, as a queryset. url: of the list of answers, which each bar opens narrowed."""
    questions = list(questions)
    keys = [question.key for question in questions if question.kind in BY_VALUE]
    sql, params = rows.order_by().values("answers").query.sql_with_params()
    counts: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS.format(rows=sql), [*params, keys])
        for key, value, n in cursor.fetchall():
            counts.setdefault(key, {})[value] = n
        cursor.execute(ANSWERED.format(rows=sql), params)
        answered: dict[str, int] = dict(cursor.fetchall())
    return [
        _outcome(question, counts.get(question.key, {}), answered.get(question.key, 0), offers, language, url)
        for question in questions
    ]


def _outcome(
    question: Question, counts: dict[str, int], answered: int, offers: Offers, language: str, url: str
) -> Outcome:
    said = ngettext("%(n)s answer", "%(n)s answers", answered) % {"n": formats.number(answered)}
    found = Outcome(question, question.label(language), answered, said)
    if not answered or question.kind not in BY_VALUE:
        return found
    if question.kind == Kind.NUMBER:
        return _numbers(found, counts)
    if question.kind == Kind.DATE:
        return _days(found, counts)
    if question.kind in WITH_OPTIONS:
        offered = [(option.value, option.label(language)) for option in question.options]
        gone = [(value, value) for value in counts if value not in question.values]
        named = [*offered, *sorted(gone)]
    elif question.kind == Kind.CONSENT:
        named = [
            (uid, offers.topics.get(uid, _("a topic that is gone")))
            for uid in dict.fromkeys([*question.topics, *counts])
        ]
    else:
        most = sorted(counts, key=lambda code: (-counts[code], code))
        named = [(code, offers.countries.get(code, code)) for code in most[:BARS]]
        if len(most) > BARS:
            rest = len(most) - BARS
            found.words += " · " + ngettext("%(n)s country more", "%(n)s countries more", rest) % {"n": rest}
    values = [counts.get(value, 0) for value, _label in named]
    urls = [f"{url}&{question.key}={value}" for value, _label in named] if url and question.kind != Kind.CONSENT else []
    found.chart = _bars([label for _value, label in named], values, urls)
    return found


def _bars(labels: list[str], values: list[int], urls: list[str] | None = None) -> Chart:
    return Chart(
        "bar", labels=labels, series=[Series(_("Answers"), [float(v) for v in values])], urls=urls or [],
        horizontal=max(map(len, labels), default=0) > 14 or len(labels) > 8,
    )  # fmt: skip


def _numbers(found: Outcome, counts: dict[str, int]) -> Outcome:
    pairs = sorted((float(value), n) for value, n in counts.items())
    values = [value for value, n in pairs for _each in range(n)]
    low, high = values[0], values[-1]
    digits = 0 if all(value.is_integer() for value in values) else 1
    found.words += " · " + _("median %(median)s, from %(low)s to %(high)s") % {
        "median": formats.number(median(values), digits=1 if digits or not float(median(values)).is_integer() else 0),
        "low": formats.number(low, digits=digits),
        "high": formats.number(high, digits=digits),
    }
    if len(pairs) <= BARS:
        found.chart = _bars([formats.number(v, digits=digits) for v, _n in pairs], [n for _v, n in pairs])
        return found
    step = _step((high - low) / (BARS - 1))
    first = int(low // step)
    sums = [0] * (int(high // step) - first + 1)
    for value, n in pairs:
        sums[int(value // step) - first] += n
    digits = 0 if step >= 1 else 2
    labels = [
        f"{formats.number((first + i) * step, digits=digits)}–{formats.number((first + i + 1) * step, digits=digits)}"
        for i in range(len(sums))
    ]
    found.chart = _bars(labels, sums)
    return found


def _step(least: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not smaller."""
    size = 10.0**-6
    while True:
        for times in (1, 2, 5):
            if times * size >= least:
                return times * size
        size *= 10


def _days(found: Outcome, counts: dict[str, int]) -> Outcome:
    months: dict[str, int] = {}
    for day, n in counts.items():
        months[day[:7]] = months.get(day[:7], 0) + n
    shown = sorted(months)[-MONTHS:]
    found.words += " · " + _("from %(first)s to %(last)s") % {"first": min(counts), "last": max(counts)}
    found.chart = _bars(shown, [months[month] for month in shown])
    return found
