"""Routes of delivery."""

from django.urls import URLPattern, URLResolver, path

from campaigns.delivery import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("sending/", views.sending_page, name="sending"),
    path("sending/audit/", views.sending_audit, name="sending_audit"),
    path("mailings/<uuid:uid>/pre-flight/", views.mailing_preflight, name="mailing_preflight"),
    path("mailings/<uuid:uid>/pre-flight/reader/", views.mailing_preflight_reader, name="mailing_preflight_reader"),
    path("mailings/<uuid:uid>/pre-flight/people/", views.mailing_preflight_people, name="mailing_preflight_people"),
    path("mailings/<uuid:uid>/late/<slug:verb>/", views.mailing_late, name="mailing_late"),
    path("mailings/<uuid:uid>/progress/", views.mailing_progress, name="mailing_progress"),
]
