from celery import shared_task

from campaigns.offers import letters


@shared_task(name="campaigns.offers.mail_letters")
def mail_letters() -> int:
    """Send the letters that are due; safe to run twice."""
    return letters.mail_due()
