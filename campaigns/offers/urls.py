"""Routes of what institutions offer."""

from django.urls import URLPattern, URLResolver, path

from campaigns.offers import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("commitments/offers/", views.offer_list, name="offer_list"),
    path("commitments/offers/<uuid:uid>/<slug:do>/", views.offer_decide, name="offer_decide"),
]
