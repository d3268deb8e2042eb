from celery import shared_task

from campaigns.events import letters


@shared_task(name="campaigns.events.mail_letters")
def mail_letters() -> int:
    """Send the letters that are due; safe to run twice."""
    return letters.mail_due()
