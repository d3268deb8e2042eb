from celery import shared_task

from crm.accounts import browser_sessions


@shared_task(name="crm.accounts.clear_sessions")
def clear_sessions() -> int:
    """Delete sessions that are too old, and what was noted of them: an address is not kept for longer than needed."""
    return browser_sessions.clear_expired()
