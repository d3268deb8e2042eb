from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.calendars.models import CalendarFeed
from campaigns.commitments.models import Commitment, CommitmentLink, CommitmentUpdate, Milestone, Reminder
from campaigns.correspondence.models import Letter, LetterDocument, NumberCount, Numbering
from campaigns.delegations.models import (
    Composition,
    DelegateLetter,
    Delegation,
    DelegationMail,
    DelegationSeats,
    Nomination,
    NominationMove,
    Nominator,
    SeatRule,
    Step,
    StepTemplate,
)
from campaigns.delivery.models import (
    AuditNight,
    BreakerPause,
    Delivery,
    DeliveryChunk,
    DeliveryEvidence,
    DeliveryRetry,
    DeliverySlot,
    Feedback,
    LastRun,
)
from campaigns.digest.models import DigestChoice, DigestWeek
from campaigns.domains.models import SendingDomain, WarmupDay
from campaigns.dropbox.models import Dropbox, DroppedMail
from campaigns.engagement.models import (
    DeliveryEngagement,
    Engagement,
    EngagementDay,
    TrackedLink,
)
from campaigns.esp.models import ServiceEvent
from campaigns.events.models import (
    CheckIn,
    Event,
    EventLetter,
    EventMailing,
    Invitation,
    InvitationFile,
    Quota,
    Registration,
    Session,
    SignUp,
    SignUpFile,
)
from campaigns.feeds.models import DeliveryPlace, EngagementBatch
from campaigns.files.models import StoredFile
from campaigns.forms.models import AnswerFile, Form, FormDraft, Submission
from campaigns.guard.models import ContactGuard, GuardOverride, QuietDates
from campaigns.interactions.models import Party
from campaigns.limits.models import DomainRest, RecipientLimit
from campaigns.mailings.models import (
    Approval,
    Attachment,
    Mailing,
    MailingTest,
    Sender,
    Transport,
    Variant,
)
from campaigns.missions.models import Mission, MissionMeeting
from campaigns.networks.models import Application, ApplicationFile, Member, Network, NetworkLetter, Representative, Vote
from campaigns.offers.models import CommitmentOffer
from campaigns.outreach.models import BounceRule, InboundMessage, Inbox, Interaction
from campaigns.partners.models import ChangeWish, PartnerAccount
from campaigns.planning.models import Campaign, Drive, Pillar, WorklistWeights
from campaigns.positions.models import Ask, Position, PositionStep, Power
from campaigns.results.models import Actual, Indicator, Period, Result, Snapshot, SnapshotRows
from campaigns.retention.models import DeliveryTail, KeptTotals
from campaigns.rounds.models import CallLine, CallRound
from campaigns.safety.models import PauseNotice, SafetyLimits, SafetyPause
from campaigns.todo.models import Absence, Task
from campaigns.windows.models import PolicyWindow, WindowLead

__all__ = [
    "CheckIn",
    "Event",
    "EventLetter",
    "EventMailing",
    "Invitation",
    "InvitationFile",
    "Quota",
    "Registration",
    "Session",
    "SignUp",
    "SignUpFile",
    "Absence",
    "Application",
    "ApplicationFile",
    "Activity",
    "Actual",
    "Approval",
    "AnswerFile",
    "Ask",
    "Attachment",
    "AuditNight",
    "BounceRule",
    "BreakerPause",
    "CalendarFeed",
    "CallLine",
    "CallRound",
    "Campaign",
    "Commitment",
    "CommitmentLink",
    "CommitmentOffer",
    "CommitmentUpdate",
    "ChangeWish",
    "ContactGuard",
    "Composition",
    "DelegateLetter",
    "Delegation",
    "DelegationMail",
    "DelegationSeats",
    "Nomination",
    "NominationMove",
    "Nominator",
    "SeatRule",
    "Step",
    "StepTemplate",
    "Delivery",
    "DeliveryChunk",
    "DeliveryEngagement",
    "DeliveryPlace",
    "DeliveryEvidence",
    "DeliveryRetry",
    "DeliverySlot",
    "DeliveryTail",
    "Dependency",
    "DigestChoice",
    "DigestWeek",
    "DomainRest",
    "Drive",
    "Dropbox",
    "DroppedMail",
    "Engagement",
    "EngagementBatch",
    "EngagementDay",
    "Feedback",
    "LastRun",
    "Form",
    "FormDraft",
    "GuardOverride",
    "InboundMessage",
    "Indicator",
    "Inbox",
    "Interaction",
    "KeptTotals",
    "Letter",
    "LetterDocument",
    "Mailing",
    "MailingTest",
    "Mission",
    "MissionMeeting",
    "PartnerAccount",
    "Party",
    "Milestone",
    "Member",
    "Network",
    "NetworkLetter",
    "NumberCount",
    "Numbering",
    "Objective",
    "PauseNotice",
    "Period",
    "Pillar",
    "PolicyWindow",
    "Position",
    "PositionStep",
    "Power",
    "QuietDates",
    "RecipientLimit",
    "Reminder",
    "Representative",
    "Result",
    "SafetyLimits",
    "SafetyPause",
    "Sender",
    "ServiceEvent",
    "SendingDomain",
    "Snapshot",
    "SnapshotRows",
    "StoredFile",
    "Submission",
    "Task",
    "TeamMember",
    "TrackedLink",
    "Transport",
    "Variant",
    "Vote",
    "WarmupDay",
    "WindowLead",
    "WorklistWeights",
]
