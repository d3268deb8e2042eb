"""/api/v1/: what features serve, the schema, the documentation, and a problem for everything else."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from rest_framework.routers import SimpleRouter

from crm.api import docs, token_views
from crm.api.registry import sections
from crm.api.views import NotFound


def _served() -> list[URLPattern | URLResolver]:
    router = SimpleRouter(trailing_slash=False, use_regex_path=False)
    for section in sections():
        for prefix, resource in section.resources:
            resource.section = section.name
            router.register(prefix, resource, basename=f"api_{prefix.replace('/', '_').replace('-', '_')}")
    return list(router.urls)


nothing = NotFound.as_view({method: "nothing" for method in ("get", "post", "put", "patch", "delete", "options")})

urlpatterns: list[URLPattern | URLResolver] = [
    path("tokens/", token_views.token_list, name="token_list"),
    path("tokens/new/", token_views.token_new, name="token_new"),
    path("tokens/<uuid:uid>/revoke/", token_views.token_revoke, name="token_revoke"),
    path("settings/tokens/", token_views.token_list_all, name="token_list_all"),
    path("api/v1/schema", docs.schema, name="api_schema"),
    path("api/v1/docs", docs.page, name="api_docs"),
    path("api/v1/", include(_served())),
    re_path(r"^api/v1(/.*)?$", nothing, name="api_nothing"),
]
