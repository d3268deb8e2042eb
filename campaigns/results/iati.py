"""The results framework of a campaign as IATI 2.03 says it: `result` elements of one activity, for who publishes or takes them over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from campaigns.planning.models import Campaign
from campaigns.results.models import Indicator, Kind, Measure, Result

TYPES = {Kind.OUTPUT: "1", Kind.OUTCOME: "2", Kind.IMPACT: "3", Kind.OTHER: "9"}
MEASURES = {Measure.UNIT: "1", Measure.PERCENTAGE: "2"}


def iati_xml(campaign: Campaign, results: Iterable[Any]) -> bytes:
    """results: as `framework` gives them. Only what somebody else verified is published as reached."""
    root = Element("iati-activities", version="2.03")
    activity = SubElement(root, "iati-activity", {"xml:lang": "en"})
    SubElement(activity, "iati-identifier").text = f"groundswell-{campaign.uid}"
    _words(activity, "title", campaign.name)
    if campaign.goal:
        _words(activity, "description", campaign.goal)
    for result in results:
        _result(activity, result)
    indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")


def _words(parent: Element, name: str, text: str) -> None:
    SubElement(SubElement(parent, name), "narrative").text = "".join(c for c in text if c in "\t\n" or ord(c) >= 32)


def _result(activity: Element, result: Result) -> None:
    row = SubElement(activity, "result", type=TYPES[Kind(result.kind)])
    _words(row, "title", result.title)
    if result.description:
        _words(row, "description", result.description)
    shown: Any = result
    for indicator in shown.shown:
        _indicator(row, indicator)


def _indicator(parent: Element, indicator: Indicator) -> None:
    kind = {"measure": MEASURES[Measure(indicator.measure)], "ascending": "1" if indicator.is_ascending else "0"}
    row = SubElement(parent, "indicator", kind)
    _words(row, "title", indicator.title)
    if indicator.unit:
        _words(row, "description", indicator.unit)
    if indicator.baseline is not None and indicator.baseline_on is not None:
        day = indicator.baseline_on
        base = {"year": str(day.year), "iso-date": day.isoformat(), "value": f"{indicator.baseline:f}"}
        baseline = SubElement(row, "baseline", base)
        if indicator.baseline_note:
            _words(baseline, "comment", indicator.baseline_note)
    for period in indicator.periods.all():
        _period(row, period)


def _period(parent: Element, period: Any) -> None:
    row = SubElement(parent, "period")
    SubElement(row, "period-start", {"iso-date": period.starts_on.isoformat()})
    SubElement(row, "period-end", {"iso-date": period.ends_on.isoformat()})
    SubElement(row, "target", value=f"{period.target:f}")
    found = next(
        (actual for actual in period.standing if actual.verified_at is not None), None
    )  # the latest comes first
    if found is not None:
        actual = SubElement(row, "actual", value=f"{found.value:f}")
        _words(actual, "comment", f"{found.on.isoformat()}: {found.contribution}")
