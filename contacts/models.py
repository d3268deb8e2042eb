from contacts.consent.models import ConsentEvent, ConsentState, Suppression, Topic
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Indicator,
    IndicatorValue,
    Membership,
    Organization,
    Person,
    Post,
    Region,
    Tag,
    UidAlias,
)
from contacts.importing.models import ImportRow, ImportRun
from contacts.segments.models import (
    ContactList,
    ContactListMember,
    Segment,
    SegmentVersion,
)

__all__ = [
    "ConsentEvent",
    "ConsentState",
    "Constituency",
    "ContactList",
    "ContactListMember",
    "ContactPoint",
    "Country",
    "ImportRow",
    "ImportRun",
    "Indicator",
    "IndicatorValue",
    "Membership",
    "Organization",
    "Person",
    "Post",
    "Region",
    "Segment",
    "SegmentVersion",
    "Suppression",
    "Tag",
    "Topic",
    "UidAlias",
]
