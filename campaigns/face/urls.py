"""Routes of public pages: for staff, and for everybody."""

from django.urls import path

from campaigns.face import public_views, views

urlpatterns = [
    path("drives/campaigns/<uuid:uid>/page/", views.campaign_page, name="campaign_page"),
    path("drives/<uuid:uid>/page/", views.drive_page, name="drive_page"),
    path("pages/<uuid:uid>/", views.public_page_detail, name="public_page_detail"),
    path("about/<slug:slug>/", public_views.face, name="public_page"),
    path("about/<slug:slug>/share.png", public_views.share, name="public_page_share"),
    path("about/<slug:slug>/feed/", public_views.feed, name="public_page_feed"),
    path("sitemap.xml", public_views.sitemap, name="sitemap"),
    path("robots.txt", public_views.robots, name="robots"),
]
