from celery import shared_task

from campaigns.events import letters, signing_up


@shared_task(name="campaigns.events.mail_letters")
def mail_letters() -> int:
    """Send the letters that are due; safe to run twice."""
    return letters.mail_due()


@shared_task(name="campaigns.events.forget_unconfirmed")
def forget_unconfirmed() -> int:
    """Sign-ups whose address nobody confirmed go; safe to run twice."""
    return signing_up.forget_unconfirmed()
