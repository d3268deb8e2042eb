"""Routes of briefs: below the institution, and below the activity at which it is met."""

from django.urls import URLPattern, URLResolver, path

from campaigns.briefs import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("directory/organizations/<uuid:uid>/brief/", views.meeting_brief, name="meeting_brief"),
    path("directory/organizations/<uuid:uid>/brief.pdf", views.meeting_brief_pdf, name="meeting_brief_pdf"),
    path("drives/activities/<uuid:uid>/briefs/", views.activity_briefs, name="activity_briefs"),
]
