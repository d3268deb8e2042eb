"""Celery carries wake-ups; the truth about what is due is in PostgreSQL."""

import os

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

app = Celery("groundswell")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)  # a task logs with the request id of whoever asked for it
app.autodiscover_tasks(
    [
        "crm.accounts",
        "crm.api",
        "crm.audit",
        "crm.jobs",
        "crm.retention",
        "crm.exports",
        "contacts.directory",
        "contacts.consent",
        "contacts.segments",
        "contacts.importing",
        "campaigns.mailings",
        "campaigns.delivery",
        "campaigns.engagement",
        "campaigns.feeds",
        "campaigns.outreach",
        "campaigns.reports",
    ]
)
