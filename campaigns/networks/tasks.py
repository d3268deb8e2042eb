from celery import shared_task

from campaigns.networks import joining, letters


@shared_task(name="campaigns.networks.mail_letters")
def mail_letters() -> int:
    """Send the letters that are due; safe to run twice."""
    return letters.mail_due()


@shared_task(name="campaigns.networks.forget_unconfirmed")
def forget_unconfirmed() -> int:
    """Let go of applications whose address nobody confirmed in time."""
    return joining.forget_unconfirmed()
