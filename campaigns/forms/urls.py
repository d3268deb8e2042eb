"""Routes of forms."""

from django.urls import URLPattern, URLResolver, path

from campaigns.forms import answer_views, public_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("forms/", views.form_list, name="form_list"),
    path("forms/new/", views.form_create, name="form_create"),
    path("forms/<uuid:uid>/", views.form_detail, name="form_detail"),
    path("forms/<uuid:uid>/texts/", views.form_edit, name="form_edit"),
    path("forms/<uuid:uid>/preview/", views.form_preview, name="form_preview"),
    path("forms/<uuid:uid>/archive/", views.form_archive, name="form_archive"),
    path("forms/<uuid:uid>/questions/new/", views.question_create, name="question_create"),
    path("forms/<uuid:uid>/questions/<slug:key>/", views.question_edit, name="question_edit"),
    path("forms/<uuid:uid>/questions/<slug:key>/move/", views.question_move, name="question_move"),
    path("forms/<uuid:uid>/questions/<slug:key>/remove/", views.question_remove, name="question_remove"),
    path("forms/answers/<uuid:uid>/", answer_views.submission_detail, name="submission_detail"),
    path("forms/answers/<uuid:uid>/file/", answer_views.submission_file, name="submission_file"),
    path("forms/answers/<uuid:uid>/decide/", answer_views.submission_decide, name="submission_decide"),
    path("forms/answers/<uuid:uid>/aside/", answer_views.submission_aside, name="submission_aside"),
    path("answer/go-on/<str:token>/", public_views.form_continue, name="form_continue"),
    path("answer/<slug:slug>/", public_views.form_answer, name="form_answer"),
    path("answer/<slug:slug>/frame/", public_views.form_frame, name="form_frame"),
]
