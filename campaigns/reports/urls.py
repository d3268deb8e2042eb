"""Routes of reports."""

from django.urls import URLPattern, URLResolver, path

from campaigns.reports import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("reports/", views.report_list, name="report_list"),
    path("reports/today/", views.reports_today, name="reports_today"),
    path("mailings/<uuid:uid>/report/", views.mailing_report, name="mailing_report"),
    path("mailings/<uuid:uid>/report/live/", views.report_live, name="mailing_report_live"),
    path("mailings/<uuid:uid>/report/groups/", views.report_groups, name="mailing_report_groups"),
    path("mailings/<uuid:uid>/report/people/", views.report_people, name="mailing_report_people"),
    path("mailings/<uuid:uid>/report/settle/", views.report_settle, name="mailing_report_settle"),
    path("mailings/<uuid:uid>/report/file/", views.report_file, name="mailing_report_file"),
    path("mailings/<uuid:uid>/report/pdf/", views.report_print, name="mailing_report_pdf"),
]
