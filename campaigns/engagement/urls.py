"""Routes of engagement. Links and pixels are answered by the track process; this is where an unsubscribe link leads."""

from django.urls import URLPattern, URLResolver, path

from campaigns.engagement import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("u/<str:token>/", views.unsubscribe_page, name="unsubscribe_page"),
]
