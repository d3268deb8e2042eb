from celery import shared_task

from crm.audit import services


@shared_task(name="crm.audit.publish_outbox")
def publish_outbox() -> int:
    """Number what was committed since; safe to run anywhere, any number of times."""
    return services.publish_outbox()
