from crm.accounts.models import Grant, Installation, Invitation, User
from crm.accounts.session_models import BrowserSession
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.exports.models import ExportFile
from crm.jobs.models import Job
from crm.retention.models import RetentionRule, RetentionRun, RetentionStep

__all__ = [
    "AuditChange",
    "AuditEntry",
    "BrowserSession",
    "ExportFile",
    "Grant",
    "Installation",
    "Invitation",
    "Job",
    "OutboxEvent",
    "RetentionRule",
    "RetentionRun",
    "RetentionStep",
    "User",
]
