"""/metrics, for whoever has METRICS_TOKEN. To everybody else there is no such page."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from crm.accounts.rules import public
from crm.metrics.registry import Scrape
from crm.metrics.requests import counted


@public
@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Http404
    asked = CollectorRegistry()
    asked.register(Scrape())
    return HttpResponse(generate_latest(counted()) + generate_latest(asked), content_type=CONTENT_TYPE_PLAIN_0_0_4)
