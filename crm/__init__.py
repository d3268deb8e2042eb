"""The platform: accounts, audit, jobs, screens' shell, local services. Knows nothing of contacts or campaigns."""

from crm.celery import app as celery_app

__all__ = ["celery_app"]
