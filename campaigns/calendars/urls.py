"""Routes of calendar feeds."""

from django.urls import URLPattern, URLResolver, path

from campaigns.calendars import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("calendar/<str:token>.ics", views.calendar_feed, name="calendar_feed"),
    path("profile/calendars/", views.calendar_feeds, name="calendar_feeds"),
    path("profile/calendars/make/", views.calendar_feed_make, name="calendar_feed_make"),
    path("profile/calendars/<uuid:uid>/renew/", views.calendar_feed_renew, name="calendar_feed_renew"),
    path("profile/calendars/<uuid:uid>/revoke/", views.calendar_feed_revoke, name="calendar_feed_revoke"),
]
