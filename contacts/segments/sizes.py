"""How big each segment was, day by day. Counted for everywhere, whoever looks: a line must not bend with the viewer."""

from __future__ import annotations

import logging
import time
from datetime import UTC, date, datetime

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import formats

from contacts.segments.compiler import compile_segment
from contacts.segments.counting import count
from contacts.segments.models import Segment, SegmentSize
from contacts.segments.services import note_count
from crm.errors import DomainError
from crm.ui.charts import Chart, Series

SECONDS = 40  # of one task, which may take 60
MOST_DAYS = 400
KEEP = "INSERT INTO contacts_segmentsize AS s (segment_id, day, count, version) VALUES (%s, %s, %s, %s) ON CONFLICT (segment_id, day) "
OR_NOTHING = "DO NOTHING"
# of two counts that overtake one another, that of the later rules stays
OR_NEWER = "DO UPDATE SET count = excluded.count, version = excluded.version WHERE s.version <= excluded.version"
logger = logging.getLogger(__name__)


def today() -> date:
    return datetime.now(UTC).date()


def record_size(*, segment: Segment, again: bool = False) -> bool:
    """Write today's count; `again`: also over one that is there, because the rules changed. Two at once do no harm.

    Rules that cannot be used (any more), or take too long, leave a gap in the line.
    """
    if not again and SegmentSize.objects.filter(segment=segment, day=today()).exists():
        return False
    try:
        number = count(compile_segment(segment))
    except DomainError as error:
        logger.info("Segment %s was not counted: %s", segment.uid, error.message)
        return False
    with connection.cursor() as cursor:
        cursor.execute(KEEP + (OR_NEWER if again else OR_NOTHING), [segment.pk, today(), number, segment.version])
        is_kept = bool(cursor.rowcount)
    if is_kept:  # not overtaken by later rules
        note_count(segment=segment, count=number)
    return True


def record_sizes(*, after: int = 0, seconds: float = SECONDS) -> int | None:
    """Today's count of each segment that has none yet, in order; the id to go on from when the time is up, None at the end."""
    until = time.monotonic() + seconds
    counted = SegmentSize.objects.filter(segment=OuterRef("pk"), day=today())
    for segment in Segment.objects.active().filter(~Exists(counted), pk__gt=after).order_by("pk"):
        if time.monotonic() > until:
            return after
        record_size(segment=segment)
        after = segment.pk
    return None


def size_chart(segment: Segment, name: str) -> Chart | None:
    """The line of the last year; None before there are two points."""
    rows = list(segment.sizes.order_by("-day").values_list("day", "count")[:MOST_DAYS])[::-1]
    if len(rows) < 2:
        return None
    labels = [str(formats.date_format(day, "SHORT_DATE_FORMAT")) for day, _count in rows]
    return Chart("line", labels, [Series(name, [float(number) for _day, number in rows])], name=name)
