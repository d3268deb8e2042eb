"""Routes of senders' domains."""

from django.urls import path

from campaigns.domains import views

urlpatterns = [
    path("settings/senders/<uuid:uid>/domain/", views.sender_domain, name="sender_domain"),
    path("settings/senders/<uuid:uid>/domain/check/", views.sender_domain_check, name="sender_domain_check"),
    path("settings/senders/<uuid:uid>/domain/signing/", views.sender_domain_signing, name="sender_domain_signing"),
    path("settings/senders/<uuid:uid>/domain/warm-up/", views.sender_domain_warmup, name="sender_domain_warmup"),
]
