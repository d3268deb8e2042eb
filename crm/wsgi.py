import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from crm.gate import Gate
from crm.heap import prepare_for_requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
application = Gate(get_wsgi_application(), settings.SIGN_UPS_AT_ONCE)
prepare_for_requests()
