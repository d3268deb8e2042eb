from celery import shared_task

from contacts.reach import services


@shared_task(name="contacts.reach.refresh", ignore_result=True)
def refresh() -> None:
    """Count anew what is in doubt, for part of a minute; safe to run anywhere, any number of times."""
    services.refresh()
