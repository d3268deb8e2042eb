from celery import shared_task

from campaigns.networks import joining, letters, renewing


@shared_task(name="campaigns.networks.mail_letters")
def mail_letters() -> int:
    """Send the letters that are due; safe to run twice."""
    return letters.mail_due()


@shared_task(name="campaigns.networks.forget_unconfirmed")
def forget_unconfirmed() -> int:
    """Let go of applications whose address nobody confirmed in time."""
    return joining.forget_unconfirmed()


@shared_task(name="campaigns.networks.renew_memberships")
def renew_memberships() -> dict[str, int]:
    """Ask whose year ends, and let go of who did not answer; safe to run twice."""
    return {"asked": renewing.ask_due(), "lapsed": renewing.lapse_due()}
