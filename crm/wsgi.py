import os

from django.core.wsgi import get_wsgi_application

from crm.heap import prepare_for_requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
application = get_wsgi_application()
prepare_for_requests()
