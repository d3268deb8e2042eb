"""What an approver approves: SHA-256 over everything that decides who reads what, when and from whom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.mailings import answers
from campaigns.mailings.bound import bound_to
from campaigns.mailings.copies import bound_to_approval
from campaigns.mailings.hours import hours_of
from campaigns.mailings.layouts import layout_version
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.references import pattern_of
from contacts.segments.nesting import inline_tree


def snapshot(mailing: Mailing) -> dict[str, Any]:
    """What is hashed, as plain data that can be compared and shown."""
    sender, topic, transport = mailing.sender, mailing.topic, mailing.transport
    variants = list(mailing.variants.order_by("position", "pk"))
    return {
        "variants": {
            variant.language: {
                "subject": variant.subject,
                "preheader": variant.preheader,
                "body": variant.body_html,
                "text": variant.text if variant.is_text_own else "",
            }
            for variant in variants
        },
        "languages": [variant.language for variant in variants],
        "fallback": list(mailing.fallback_languages),
        "layout": layout_version(mailing.layout, [variant.language for variant in variants]),
        "signature": [sender.signatures, sender.places] if sender else None,
        "reference": pattern_of(mailing),
        "attachments": [
            [row.language, row.name, row.file.media_type, row.file.sha256]
            for row in mailing.attachments.select_related("file").order_by("position", "pk")
        ],
        "sender": [str(sender.uid), sender.name, sender.email, sender.reply_to] if sender else None,
        "topic": str(topic.uid) if topic else None,
        "transport": [str(transport.uid), transport.kind, _digest(_road(transport))] if transport else None,
        "time": [mailing.send_local.isoformat() if mailing.send_local else "", mailing.send_zone],
        # only with rules: what was approved without any stays approved
        **({"hours": _hours(mailing)} if hours_of(mailing) else {}),
        "max_lateness": int(mailing.max_lateness.total_seconds()),
        "tracking": mailing.tracks_people,
        "guard": mailing.contact_guard_days,
        "resends_uncertain": mailing.resends_uncertain,
        "segment": inline_tree(mailing.segment) if mailing.segment else None,
        "scope": sorted(mailing.scope_countries) if mailing.scope_countries is not None else None,
        # only with a rule: what was approved without one stays approved
        **({"copies": bound_to_approval(mailing)} if mailing.copies_to_id else {}),
        # only with a form, as above
        **({"answers": answers.bound_to_approval(mailing)} if mailing.answers_of_id else {}),
        **_bound(mailing),
    }


def _bound(mailing: Mailing) -> dict[str, Any]:
    """What the event says, in the languages of the mailing; a mailing that is about none has nothing of it."""
    bound = bound_to(mailing)
    if bound is None:
        return {}
    return {"bound": {v.language: bound.values(v.language) for v in mailing.variants.order_by("position", "pk")}}


def _hours(mailing: Mailing) -> list[Any]:
    opens, closes = mailing.hours_from, mailing.hours_until
    return [
        mailing.sends_local,
        opens.isoformat("minutes") if opens else "",
        closes.isoformat("minutes") if closes else "",
        mailing.skips_weekends,
        mailing.skips_holidays,
    ]


def _road(transport: Transport) -> str:
    """Where it leads, and with what: an address, or a service's settings."""
    return transport.url or f"{transport.service} {transport.service_settings}".strip()


def _digest(url: str) -> str:
    """Tells whether an address changed without keeping the password that may stand in it."""
    return hashlib.sha256(url.encode()).hexdigest()


def hash_of(snap: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(snap, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def content_hash(mailing: Mailing) -> str:
    """The hash of a mailing as it stands in the database now."""
    return hash_of(snapshot(mailing))


def short(content: str) -> str:
    """A hash as people compare it: 9f2c 41ab 77d0."""
    return " ".join(content[i : i + 4] for i in (0, 4, 8))


_NAMES = {
    "languages": lambda: _("the languages or their order"),
    "fallback": lambda: _("the languages that stand in for others"),
    "layout": lambda: _("the layout"),
    "bound": lambda: _("what its event says"),
    "sender": lambda: _("the sender"),
    "signature": lambda: _("the sender's signature or place"),
    "reference": lambda: _("the pattern of reference numbers"),
    "attachments": lambda: _("the attachments"),
    "topic": lambda: _("the topic"),
    "transport": lambda: _("the transport"),
    "time": lambda: _("the time"),
    "hours": lambda: _("at whose time it leaves, or within which hours and days"),
    "max_lateness": lambda: _("how late it may leave"),
    "tracking": lambda: _("the tracking rules"),
    "guard": lambda: _("the contact guard"),
    "resends_uncertain": lambda: _("what happens to uncertain deliveries"),
    "segment": lambda: _("the segment's rules, or a list in it"),
    "scope": lambda: _("the countries it may reach"),
    "copies": lambda: _("who gets copies"),
    "answers": lambda: _("whose answers it names, or what their options are called"),
}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What changed between two snapshots, in words."""
    found = [name() for key, name in _NAMES.items() if _plain(before.get(key)) != _plain(after.get(key))]
    old, new = before.get("variants", {}), after.get("variants", {})
    parts = {"subject": _("subject"), "preheader": _("preheader"), "body": _("body"), "text": _("text part")}
    for language in [*new, *(code for code in old if code not in new)]:
        changed = [
            label for key, label in parts.items() if old.get(language, {}).get(key) != new.get(language, {}).get(key)
        ]
        if changed:
            found.append(f"{', '.join(changed)} ({language})")
    return found


def _plain(value: Any) -> Any:
    """As it comes back from JSON, so that a tuple equals its list."""
    return json.loads(json.dumps(value, default=str))


def changed_since_approval(mailing: Mailing) -> list[str]:
    """What differs from what was approved; empty when a freeze may go on. Without an approval, that is said."""
    if mailing.approval is None:
        return [_("nobody has approved it")]
    now = snapshot(mailing)
    if hash_of(now) == mailing.approval.content_hash:
        return []
    return differences(mailing.approval.snapshot, now) or [_("its content")]
