from celery import shared_task

from contacts.importing import second


@shared_task(name="contacts.importing.settle", ignore_result=True)
def settle() -> int:
    """Finish what a worker left prepared; safe to run anywhere, any number of times."""
    return second.settle_forgotten()
