from celery import shared_task

from campaigns.delegations import letters


@shared_task(name="campaigns.delegations.mail_letters")
def mail_letters() -> int:
    """Send the mails that are due; safe to run twice."""
    return letters.mail_due()
