"""The only writers of topics, the consent ledger and suppressions."""

from contacts.consent.services.ledger import (
    grant_consent,
    on_left_by_mail,
    on_withdraw,
    one_click_unsubscribe,
    save_preferences,
    stop_everything,
    withdraw_consent,
)
from contacts.consent.services.opt_in import ask_permission, confirm, mail_due, revoke_request
from contacts.consent.services.subscribing import subscribe
from contacts.consent.services.suppressions import (
    address_of_delivery,
    carry_suppressions,
    lift_bounced_suppression,
    lift_own_suppression,
    on_suppress,
    record_complaint,
    suppress_address,
    suppress_addresses,
    suppress_bounced,
)
from contacts.consent.services.topics import archive_topic, create_topic, edit_topic, restore_topic

__all__ = [
    "address_of_delivery",
    "ask_permission",
    "archive_topic",
    "carry_suppressions",
    "confirm",
    "create_topic",
    "edit_topic",
    "grant_consent",
    "mail_due",
    "on_left_by_mail",
    "lift_bounced_suppression",
    "lift_own_suppression",
    "on_suppress",
    "on_withdraw",
    "one_click_unsubscribe",
    "record_complaint",
    "restore_topic",
    "revoke_request",
    "save_preferences",
    "stop_everything",
    "subscribe",
    "suppress_address",
    "suppress_addresses",
    "suppress_bounced",
    "withdraw_consent",
]
