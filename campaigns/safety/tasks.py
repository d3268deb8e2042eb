from celery import shared_task

from campaigns.safety import notices


@shared_task(name="campaigns.safety.mail_notices", ignore_result=True)
def mail_notices() -> int:
    """Tell owners of pauses; safe to run twice."""
    return notices.mail_due()
