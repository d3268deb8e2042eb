"""What forms add to the shell, to Today, to undo, activity, timelines, segments, erasure, retention and the API."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import CharField, Count, Min
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.forms import filing, holdings, lists, segment_fields, services, timeline  # noqa: F401  lists register themselves
from campaigns.forms.given import named_by
from campaigns.forms.models import Form, Submission
from crm import bench, gate
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.ui import formats, menu, shell, today
from crm.ui.counting import Countable


def _waiting(user: User) -> Iterable[Countable]:
    return [Submission.objects.visible_to(user, Action.DRIVES).waiting()] if user.may(Action.DRIVES) else []


def answers_to_decide(user: User) -> Iterable[today.Need]:
    """One line for each form whose answers wait for their person."""
    if not user.may(Action.DRIVES):
        return
    rows = Submission.objects.visible_to(user, Action.DRIVES).waiting().order_by()
    of_forms = rows.values("form__uid", "form__name").annotate(
        n=Count("pk"), one=Min(Cast("uid", CharField())), first=Min("created_at")
    )
    for found in of_forms.order_by("first", "form__uid"):
        n = found["n"]
        yield today.Need(
            icon="forms",
            title=ngettext(
                "%(n)s answer to %(form)s has no person yet", "%(n)s answers to %(form)s have no person yet", n
            )
            % {"n": formats.number(n), "form": found["form__name"]},
            why=_("The directory does not know them for certain, so you decide who it is."),
            url=reverse("submission_detail", args=[found["one"]])
            if n == 1
            else f"{reverse('form_detail', args=[found['form__uid']])}?tab=waiting",
            step=_("Decide"),
            at=found["first"],
            rank=38,
        )


menu.register(
    menu.MenuItem(gettext_lazy("Forms"), "forms", "form_list", order=42, group=2, count=_waiting, prefix="/forms/")
)
shell.register_new(shell.NewItem(gettext_lazy("Form"), "forms", "form_create", (Action.DRIVES,), 62))
today.register_needs(answers_to_decide, _waiting)
undoable("form", services.restore_form)
undoable("submission", filing.restore_submission)
subjects.register(subjects.Kind("form", gettext_lazy("Form"), "forms", Form.objects.visible_to, "form_detail"))
subjects.register(
    subjects.Kind(
        "submission", gettext_lazy("Answers to a form"), "forms", Submission.objects.visible_to, "submission_detail",
        words="name", can_search=False,
    )
)  # fmt: skip
readable.choices_of("form.purpose", Form.Purpose.choices)
readable.choices_of("submission.state", Submission.State.choices)
timeline.register_sources()
segment_fields.register_fields()
for _field in ("form_answered", "form_answer"):
    named_by(_field, lambda uids: Form.objects.filter(uid__in=uids).values_list("pk", flat=True))
holdings.register()
serve("campaigns.forms.api")
gate.guard("/answer/")
gate.guard("/join/")
bench.register("signup", "campaigns.forms.bench:run", size=10_000)
