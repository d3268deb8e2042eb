"""The queue's own reasons and context, its menu entry and its tab."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.outreach import tabs
from campaigns.outreach.registration import to_answer
from campaigns.queue import context, sources
from campaigns.queue.registry import Source, register_context, register_source
from campaigns.todo.models import Task
from crm.accounts.models import User
from crm.api.registry import serve
from crm.ui import menu
from crm.ui.counting import Countable

register_source(Source("reply", sources.replies))
register_source(Source("task", sources.tasks))
register_source(Source("commitment", sources.commitments))
register_source(Source("silent", sources.silent))
for lines in (context.guards, context.last_contacts, context.who_else, context.positions, context.commitments):
    register_context(lines)


def waiting(user: User) -> Iterable[Countable]:
    """Replies to answer and tasks due: what has a day or somebody who waits."""
    return [*to_answer(user), Task.objects.at_hand(user, timezone.localdate())]


menu.register(
    menu.MenuItem(_("Outreach"), "phone", "outreach_queue", order=30, group=2, count=waiting, prefix="/outreach/")
)
tabs.register(tabs.Tab(_("For me, today"), "outreach_queue", "target", 10))
serve("campaigns.queue.api")
