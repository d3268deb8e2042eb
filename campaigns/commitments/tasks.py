from celery import shared_task

from campaigns.commitments import reminding


@shared_task(name="campaigns.commitments.remind", ignore_result=True)
def remind() -> int:
    """Write down today's reminders and mail those that wait; safe to run twice, and to be lost."""
    reminding.note_due()
    return reminding.mail_due()
