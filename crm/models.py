from crm.accounts.models import Grant, Installation, Invitation, User
from crm.accounts.session_models import BrowserSession
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.jobs.models import Job

__all__ = [
    "AuditChange",
    "AuditEntry",
    "BrowserSession",
    "Grant",
    "Installation",
    "Invitation",
    "Job",
    "OutboxEvent",
    "User",
]
