"""Gauges that features offer. Each is read when Prometheus asks, by a query that is cheap at any size.

A gauge that cannot be read is left out of that scrape and counted in `groundswell_scrape_failures`, so that one broken
part never hides the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

logger = logging.getLogger(__name__)
PREFIX = "groundswell_"


@dataclass(frozen=True)
class Gauge:
    """`read` gives label → value, or {"": value} where there is no label; what it leaves out is not reported."""

    name: str
    help: str
    read: Callable[[], Mapping[str, float]]
    label: str = ""


_gauges: dict[str, Gauge] = {}


def register(gauge: Gauge) -> None:
    _gauges[gauge.name] = gauge


class Scrape:
    """A prometheus_client collector: everything registered, read now."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # asked when it is registered, where nothing may be read yet

    def collect(self) -> Iterator[GaugeMetricFamily]:
        failed = 0
        for gauge in _gauges.values():
            try:
                values = dict(gauge.read())
            except Exception as error:  # whatever it is, the other gauges are wanted all the more
                logger.error("The metric %s cannot be read: %s", gauge.name, error)
                failed += 1
                continue
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.help, labels=[gauge.label] if gauge.label else [])
            for label, value in values.items():
                family.add_metric([label] if gauge.label else [], value)
            yield family
        yield GaugeMetricFamily(PREFIX + "scrape_failures", "Gauges that could not be read just now", value=failed)
