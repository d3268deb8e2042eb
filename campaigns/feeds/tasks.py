from celery import shared_task

from campaigns.feeds import services


@shared_task(name="campaigns.feeds.number")
def number_feeds() -> int:
    """Give places to what was committed since; safe to run anywhere, any number of times."""
    return services.number_feeds()
