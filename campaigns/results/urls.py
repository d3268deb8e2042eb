"""Routes of results and reports."""

from django.urls import URLPattern, URLResolver, path

from campaigns.results import report_views, views


def _report(of: str, prefix: str) -> list[URLPattern]:
    given = {"of": of}
    return [
        path(f"{prefix}/report/", report_views.report_page, given, name=f"{of}_report"),
        path(f"{prefix}/report/freeze/", report_views.report_freeze, given, name=f"{of}_report_freeze"),
        path(f"{prefix}/report/file/<slug:kind>/", report_views.report_file, given, name=f"{of}_report_file"),
        path(f"{prefix}/report/rows/<slug:figure>/", report_views.report_rows, given, name=f"{of}_report_rows"),
        path(
            f"{prefix}/report/rows/<slug:figure>/list/", report_views.report_to_list, given, name=f"{of}_report_to_list"
        ),
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    *_report("drive", "drives/<uuid:uid>"),
    *_report("campaign", "drives/campaigns/<uuid:uid>"),
    path("drives/snapshots/<uuid:uid>/", report_views.snapshot_detail, name="snapshot_detail"),
    path("drives/snapshots/<uuid:uid>/file/<slug:kind>/", report_views.snapshot_file, name="snapshot_file"),
    path("drives/snapshots/<uuid:uid>/rows/<slug:figure>/", report_views.snapshot_rows, name="snapshot_rows"),
    path(
        "drives/snapshots/<uuid:uid>/rows/<slug:figure>/list/", report_views.snapshot_to_list, name="snapshot_to_list"
    ),
    path("drives/campaigns/<uuid:uid>/results/", views.campaign_results, name="campaign_results"),
    path("drives/campaigns/<uuid:uid>/results/new/", views.result_create, name="result_create"),
    path("drives/results/<uuid:uid>/edit/", views.result_edit, name="result_edit"),
    path("drives/results/<uuid:uid>/archive/", views.result_archive, name="result_archive"),
    path("drives/results/<uuid:uid>/indicators/new/", views.indicator_create, name="indicator_create"),
    path("drives/indicators/<uuid:uid>/edit/", views.indicator_edit, name="indicator_edit"),
    path("drives/indicators/<uuid:uid>/archive/", views.indicator_archive, name="indicator_archive"),
    path("drives/indicators/<uuid:uid>/actuals/new/", views.actual_create, name="actual_create"),
    path("drives/actuals/<uuid:uid>/", views.actual_detail, name="actual_detail"),
    path("drives/actuals/<uuid:uid>/verify/", views.actual_verify, name="actual_verify"),
    path("drives/actuals/<uuid:uid>/withdraw/", views.actual_withdraw, name="actual_withdraw"),
]
