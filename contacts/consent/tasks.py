from celery import shared_task

from contacts.consent.services import opt_in


@shared_task(name="contacts.consent.mail_requests")
def mail_requests() -> int:
    """Mail the requests for permission that are due; safe to run twice."""
    return opt_in.mail_due()
