from celery import shared_task

from contacts.consent.erasure import exporting
from contacts.consent.services import opt_in


@shared_task(name="contacts.consent.mail_requests")
def mail_requests() -> int:
    """Mail the requests for permission that are due; safe to run twice."""
    return opt_in.mail_due()


@shared_task(name="contacts.consent.expire_exports")
def expire_exports() -> int:
    """Delete files of people's data whose time is over."""
    return exporting.expire()
