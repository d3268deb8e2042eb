"""Routes of the partners' side, and of staff who decide what partners ask for."""

from django.urls import URLPattern, URLResolver, path

from campaigns.partners import staff_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("partner/", views.partner_home, name="partner_home"),
    path("partner/institutions/<uuid:uid>/", views.partner_institution, name="partner_institution"),
    path("partner/networks/<uuid:uid>/", views.partner_network, name="partner_network"),
    path("partner/events/", views.partner_events, name="partner_events"),
    path("partner/commitments/", views.partner_commitments, name="partner_commitments"),
    path("partner/commitments/<uuid:uid>/", views.partner_commitment, name="partner_commitment"),
    path("partner/mailings/", views.partner_mailings, name="partner_mailings"),
    path("partner/mailings/<uuid:uid>/", views.partner_mail, name="partner_mail"),
    path("partner/mailings/<uuid:uid>/frame/", views.partner_mail_frame, name="partner_mail_frame"),
    path("partner/mailings/<uuid:uid>/files/<int:number>/", views.partner_mail_file, name="partner_mail_file"),
    path("partner/data/", views.partner_data, name="partner_data"),
    path("partner/passkey/", views.partner_passkey, name="partner_passkey"),
    path("networks/wishes/", staff_views.wish_list, name="change_wishes"),
    path("networks/wishes/<uuid:uid>/<slug:do>/", staff_views.wish_decide, name="change_wish_decide"),
]
