from celery import shared_task

from crm.retention import services


@shared_task(name="crm.retention.tick", ignore_result=True)
def tick() -> None:
    """Do what a night is due, for part of a minute; safe to run anywhere, any number of times."""
    services.tick()
