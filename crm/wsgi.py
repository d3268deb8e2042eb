import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from crm.heap import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
application = get_wsgi_application()
_ = get_resolver().url_patterns  # views, forms and serializers now, not in the first request, and settled with the rest
settle()
