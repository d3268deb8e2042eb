from crm.accounts.models import Grant, Installation, Invitation, User
from crm.accounts.session_models import BrowserSession
from crm.api.models import ApiToken, KeptAnswer
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.exports.models import ExportFile
from crm.jobs.models import Job
from crm.retention.models import RetentionRule, RetentionRun, RetentionStep
from crm.saved_views.models import DefaultView, SavedView

__all__ = [
    "ApiToken",
    "AuditChange",
    "AuditEntry",
    "BrowserSession",
    "DefaultView",
    "ExportFile",
    "Grant",
    "Installation",
    "Invitation",
    "Job",
    "KeptAnswer",
    "OutboxEvent",
    "RetentionRule",
    "RetentionRun",
    "RetentionStep",
    "SavedView",
    "User",
]
