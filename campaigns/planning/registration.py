"""What planning adds to the platform: the Drives entry, undo, and the bench of pages."""

from __future__ import annotations

from contextlib import suppress

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from campaigns.planning import (
    erasing,
    lists,  # noqa: F401  registers the lists
    services,
)
from campaigns.planning.models import Campaign, Drive
from campaigns.planning.today import coming_up, running_drives
from campaigns.planning.worklist import LABELS
from crm import bench
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.ui import menu, shell, today

NAME_SECONDS = 10

erasing.register()
undoable("campaign", services.restore_campaign)
undoable("drive", services.restore_drive)

menu.register(menu.MenuItem(_("Drives"), "target-arrow", "drive_list", order=10, group=2, prefix="/drives/"))
shell.register_new(shell.NewItem(_("Drive"), "target-arrow", "drive_create", (Action.DRIVES,), 30))


def campaign_name(user: User) -> str:
    """The campaign that the user's drives belong to: the one begun last. Every page shows it, so it may be a moment old."""
    key = f"campaign:{user.uid}:{get_language()}"
    with suppress(RedisError):
        if (known := cache.get(key)) is not None:
            return str(known)
    rows = Campaign.objects.visible_to(user).filter(archived_at=None).order_by("-created_at", "-pk")
    campaign = rows.only("name", "names").first()
    name = campaign.label if campaign else ""
    with suppress(RedisError):
        cache.set(key, name, NAME_SECONDS)
    return name


today.register_card(running_drives)
today.register_card(coming_up)
shell.use_campaign_name(campaign_name)
bench.register("pages", "campaigns.planning.bench:run", size=1_000_000)
bench.register("drives", "campaigns.planning.drives_bench:run", size=100_000)

subjects.register(subjects.Kind("campaign", _("Campaign"), "flag", Campaign.objects.visible_to, "campaign_detail"))
subjects.register(subjects.Kind("drive", _("Drive"), "target-arrow", Drive.objects.visible_to, "drive_detail"))
readable.refers("campaign", "campaign")
readable.refers("drive", "drive")
readable.choices_of("drive.status", Drive.Status.choices)

readable.FIELDS.update({f"weight_{name}": label for name, label in LABELS.items()})
readable.DONE["weights_set"] = _("Set the weights of the worklist")

serve("campaigns.planning.api")
