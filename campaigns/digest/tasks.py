from celery import shared_task

from campaigns.digest import mailing


@shared_task(name="campaigns.digest.mail", ignore_result=True)
def mail() -> int:
    """Mail the week to whoever it begins for; safe to run twice, and to be lost."""
    return mailing.mail_digests()
