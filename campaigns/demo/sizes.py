"""How large the demo's segments were, week by week: they grew as the directory did, up to what they count today."""

from __future__ import annotations

from datetime import timedelta

from contacts.segments.models import Segment, SegmentSize
from contacts.segments.sizes import record_sizes, today

WEEKS = 12
LESS_A_WEEK = 0.02  # of today's count


def measure_segments() -> None:
    """Count each segment today, and say of the weeks before what a growing directory would have had."""
    record_sizes()
    rows = [
        SegmentSize(
            segment=segment,
            day=today() - timedelta(weeks=weeks),
            count=round((segment.last_count or 0) * (1 - LESS_A_WEEK * weeks)),
            version=segment.version,
        )
        for segment in Segment.objects.filter(last_count__isnull=False)
        for weeks in range(1, WEEKS + 1)
    ]
    SegmentSize.objects.bulk_create(rows, ignore_conflicts=True)
