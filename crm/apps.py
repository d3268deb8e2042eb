from django.apps import AppConfig

# Here, not in crm/__init__.py: the keeper of the local services imports this package and must start fast.
from crm.celery import app as celery_app  # noqa: F401  makes it the default application for shared_task
from crm.features import load_registrations

FEATURES = ["accounts", "audit", "jobs", "api", "metrics", "retention", "exports", "saved_views", "ui", "local"]


class CrmConfig(AppConfig):
    name = "crm"
    label = "crm"
    verbose_name = "Platform"

    def ready(self) -> None:
        load_registrations("crm", FEATURES)
