from django.apps import AppConfig

from crm.features import load_registrations

FEATURES = ["accounts", "audit", "jobs", "ui", "local"]


class CrmConfig(AppConfig):
    name = "crm"
    label = "crm"
    verbose_name = "Platform"

    def ready(self) -> None:
        load_registrations("crm", FEATURES)
