"""Celery's part of tasks: reminders."""

from celery import shared_task

from campaigns.todo.reminding import mail_reminders


@shared_task(name="campaigns.todo.remind")
def remind() -> int:
    """Mail what is due where it is morning; returns how many mails went."""
    return mail_reminders()
