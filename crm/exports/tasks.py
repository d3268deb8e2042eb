from celery import shared_task

from crm.exports import services


@shared_task(name="crm.exports.purge")
def purge() -> int:
    """Remove files whose time is over; safe to run anywhere, any number of times."""
    return services.purge()
