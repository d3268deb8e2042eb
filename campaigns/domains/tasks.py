from celery import shared_task

from campaigns.domains import services


@shared_task(name="campaigns.domains.check", ignore_result=True)
def check() -> None:
    """Look up the senders' domains that were not looked up for a day."""
    services.check_due()
