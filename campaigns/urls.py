from django.urls import include, path

urlpatterns = [
    path("", include("campaigns.planning.urls")),
    path("", include("campaigns.files.urls")),
    path("", include("campaigns.mailings.urls")),
    path("", include("campaigns.domains.urls")),
    path("", include("campaigns.esp.urls")),
    path("", include("campaigns.safety.urls")),
    path("", include("campaigns.limits.urls")),
    path("", include("campaigns.delivery.urls")),
    path("", include("campaigns.engagement.urls")),
    path("", include("campaigns.outreach.urls")),
    path("", include("campaigns.positions.urls")),
    path("", include("campaigns.guard.urls")),
    path("", include("campaigns.interactions.urls")),
    path("", include("campaigns.queue.urls")),
    path("", include("campaigns.rounds.urls")),
    path("", include("campaigns.todo.urls")),
    path("", include("campaigns.commitments.urls")),
    path("", include("campaigns.networks.urls")),
    path("", include("campaigns.activities.urls")),
    path("", include("campaigns.reports.urls")),
]
