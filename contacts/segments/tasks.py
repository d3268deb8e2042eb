from celery import shared_task

from contacts.segments import sizes
from contacts.segments.models import Segment


@shared_task(name="contacts.segments.record_sizes")
def record_sizes(after: int = 0) -> None:
    """Today's size of each segment, once; asked all day long, so that the first minutes of a day do it. Goes on in a task of
    its own when its time is up."""
    further = sizes.record_sizes(after=after)
    if further is not None:
        record_sizes.delay(further)


@shared_task(name="contacts.segments.count_segment")
def count_segment(segment_id: int) -> None:
    """Today's size again, after a save."""
    segment = Segment.objects.active().filter(pk=segment_id).first()
    if segment is not None:
        sizes.record_size(segment=segment, again=True)
