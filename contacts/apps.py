from django.apps import AppConfig

from crm.features import load_registrations

FEATURES = ["directory", "consent", "greetings", "segments", "importing"]


class ContactsConfig(AppConfig):
    name = "contacts"
    label = "contacts"
    verbose_name = "Who"

    def ready(self) -> None:
        load_registrations("contacts", FEATURES)
