"""Names of people in the words of campaigns and drives, of their public pages and programmes, and in what servers said last.

The words stay, the name goes. What was approved and sent is not rewritten: it says what it said.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from contacts.consent.erasure.registry import PersonalData, register_erasure
from contacts.consent.erasure.texts import count_named, replace_all

TEXTS = {
    "campaigns_campaign": ("goal",),
    "campaigns_pillar": ("description",),
    "campaigns_drive": ("goal",),
    "campaigns_result": ("title", "description"),
    "campaigns_indicator": ("baseline_note",),
    "campaigns_windowlead": ("title",),
    "campaigns_power": ("why",),
    "campaigns_absence": ("note",),
    "campaigns_session": ("title",),
    # a server may say whose mailbox is full
    "campaigns_domainrest": ("reply_text",),
    "campaigns_delegationmail": ("problem",),
    "campaigns_transport": ("last_error",),
    "campaigns_inbox": ("last_error",),
    "campaigns_mailing": ("state_reason",),
    "campaigns_safetypause": ("reason",),
    "campaigns_pausenotice": ("reason",),
}
IN_JSON = {
    "campaigns_campaign": ("facts",),
    "campaigns_event": ("abouts",),
    "campaigns_publicpage": ("headlines", "leads", "stories", "facts"),
}


def count(data: PersonalData) -> int:
    return count_named(data, TEXTS, IN_JSON)


def erase(data: PersonalData) -> int:
    return replace_all(data, TEXTS, IN_JSON)


def register() -> None:
    register_erasure(
        "plan_words", _("Words of campaigns that name them"), count=count, erase=erase, order=128,
        goes=_("Their name in goals, results, programmes, public pages, notes of absences, and in what mail servers said."),
        stays=_("The rest of the words. Mailings that were sent say what they said."),
    )  # fmt: skip
