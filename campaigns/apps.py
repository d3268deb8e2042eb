from django.apps import AppConfig

from crm.features import load_registrations

FEATURES = [
    "planning",
    "files",
    "esp",
    "mailings",
    "domains",
    "safety",
    "limits",
    "delivery",
    "engagement",
    "feeds",
    "outreach",
    "guard",
    "interactions",
    "todo",
    "positions",
    "commitments",
    "queue",
    "rounds",
    "forms",
    "networks",
    "events",
    "delegations",
    "partners",
    "offers",
    "face",
    "activities",
    "windows",
    "results",
    "digest",
    "briefs",
    "missions",
    "correspondence",
    "calendars",
    "dropbox",
    "personal",
    "reports",
    "retention",
]


class CampaignsConfig(AppConfig):
    name = "campaigns"
    label = "campaigns"
    verbose_name = "What"

    def ready(self) -> None:
        load_registrations("campaigns", FEATURES)
