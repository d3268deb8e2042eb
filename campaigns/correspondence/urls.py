"""Routes of the register of letters."""

from django.urls import URLPattern, URLResolver, path

from campaigns.correspondence import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/letters/", views.letter_list, name="letter_list"),
    path("outreach/letters/new/", views.letter_create, name="letter_create"),
    path("outreach/letters/<uuid:uid>/", views.letter_detail, name="letter_detail"),
    path("outreach/letters/<uuid:uid>/edit/", views.letter_edit, name="letter_edit"),
    path("outreach/letters/<uuid:uid>/answer/", views.letter_answer, name="letter_answer"),
    path("outreach/letters/<uuid:uid>/unanswer/", views.letter_unanswer, name="letter_unanswer"),
    path("outreach/letters/<uuid:uid>/strike/", views.letter_strike, name="letter_strike"),
    path("outreach/letters/<uuid:uid>/documents/add/", views.document_add, name="letter_document_add"),
    path("outreach/letter-documents/<uuid:uid>/", views.document_download, name="letter_document"),
    path("outreach/letter-documents/<uuid:uid>/remove/", views.document_remove, name="letter_document_remove"),
    path("settings/letters/", views.letter_numbering, name="letter_numbering"),
]
