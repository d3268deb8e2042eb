from celery import shared_task

from crm.api import services


@shared_task(name="crm.api.forget_answers")
def forget_answers() -> int:
    """Delete answers that are kept no longer; safe to run anywhere, any number of times."""
    return services.forget_answers()
