from crm.accounts.models import Grant, Installation, Invitation, User
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.jobs.models import Job

__all__ = ["AuditChange", "AuditEntry", "Grant", "Installation", "Invitation", "Job", "OutboxEvent", "User"]
