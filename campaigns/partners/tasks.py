from celery import shared_task

from campaigns.partners import accounts


@shared_task(name="campaigns.partners.forget_unused")
def forget_unused() -> int:
    """Let go of accounts into which nobody ever came; safe to run twice."""
    return accounts.forget_unused()
