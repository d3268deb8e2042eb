"""What features add to the shell beside the menu: the "New" menu, the campaign chip, the banner.

shell.register_new(NewItem(_("Person"), "user-plus", "person_create", (Action.EDIT_DIRECTORY,), modal=True))
shell.use_campaign_name(function of a user)      shell.use_banner(reasons, banner)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts import demo_users
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.ui.counting import Countable
from crm.ui.menu import MenuItem, counts_for, items_for
from crm.ui.setup import Setup, under_way

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

BOTTOM_PLACES = 3  # on a phone: the first entries, then Search and Menu


@dataclass(frozen=True)
class NewItem:
    label: StrOrPromise
    icon: str
    url_name: str
    actions: tuple[Action, ...]
    order: int = 50
    modal: bool = False


@dataclass(frozen=True)
class QuickItem:
    """What people do all day: a button of its own in the top bar, floating on phones, and one key from everywhere."""

    label: StrOrPromise
    icon: str
    url_name: str
    actions: tuple[Action, ...]
    key: str


@dataclass(frozen=True)
class AccountItem:
    """A line of the menu behind the initials."""

    label: StrOrPromise
    icon: str
    url_name: str
    order: int = 50


@dataclass(frozen=True)
class Banner:
    text: str
    icon: str = "mail-off"
    url: str = ""
    link: str = ""


NEW: list[NewItem] = []
ACCOUNT: list[AccountItem] = [
    AccountItem(_("Your account"), "user", "profile", order=10),
    AccountItem(_("Two-step and passkeys"), "shield-lock", "mfa_index", order=20),
]
_quick: QuickItem | None = None
_campaign_name: Callable[[User], str] = lambda user: ""  # noqa: E731 a default to be replaced
_banner: tuple[Callable[[], Iterable[Countable]], Callable[[], Banner]] | None = None


def register_new(item: NewItem) -> None:
    """Put a line into the "New" menu, for those who may do one of its actions."""
    if item not in NEW:
        NEW.append(item)
        NEW.sort(key=lambda each: each.order)


def register_account(item: AccountItem) -> None:
    if item not in ACCOUNT:
        ACCOUNT.append(item)
        ACCOUNT.sort(key=lambda each: each.order)


def use_quick(item: QuickItem) -> None:
    """Say what the button beside "New" does; there is one."""
    global _quick
    _quick = item


def use_campaign_name(name: Callable[[User], str]) -> None:
    """Say which campaign the chip in the top bar names."""
    global _campaign_name
    _campaign_name = name


def use_banner(reasons: Callable[[], Iterable[Countable]], banner: Callable[[], Banner]) -> None:
    """Say what stands above everything while there are reasons, such as that no mail leaves this machine."""
    global _banner
    _banner = (reasons, banner)


@dataclass(frozen=True)
class Entry:
    """One line of a menu as the template shows it."""

    label: StrOrPromise
    icon: str
    url: str
    is_current: bool = False
    count: int = 0
    modal: bool = False
    group: int = 1


class Shell:
    """Everything is computed when the template asks: a fragment pays for none of it."""

    blank_toasts = [{"level": level, "undo": "#"} for level in ("success", "info", "warning", "error")]

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        # only asked for what belongs to a person after is_signed_in
        self.user: Any = getattr(request, "user", None)

    @cached_property
    def is_signed_in(self) -> bool:
        return self.user is not None and self.user.is_authenticated

    @cached_property
    def entries(self) -> list[Entry]:
        if not self.is_signed_in:
            return []
        items = self._items
        current = max(filter(self._covers, items), key=lambda item: len(item.prefix or item.url), default=None)
        return [
            Entry(
                item.label,
                item.icon,
                item.url,
                is_current=item is current,
                count=number,
                group=item.group,
            )
            for item, number in zip(items, self._counted[1:], strict=True)
        ]

    def _covers(self, item: MenuItem) -> bool:
        prefix = item.prefix or item.url
        return self.request.path == prefix if prefix == "/" else self.request.path.startswith(prefix)

    @cached_property
    def menu(self) -> list[list[Entry]]:
        groups: dict[int, list[Entry]] = {}
        for entry in self.entries:
            groups.setdefault(entry.group, []).append(entry)
        return list(groups.values())

    @property
    def bottom(self) -> list[Entry]:
        return self.entries[:BOTTOM_PLACES]

    @cached_property
    def create(self) -> list[Entry]:
        if not self.is_signed_in:
            return []
        allowed = [item for item in NEW if any(self.user.may(action) for action in item.actions)]
        return [Entry(item.label, item.icon, reverse(item.url_name), modal=item.modal) for item in allowed]

    @cached_property
    def quick(self) -> QuickItem | None:
        """The button beside "New", for those who may."""
        if not self.is_signed_in or _quick is None or not any(self.user.may(action) for action in _quick.actions):
            return None
        return _quick

    @property
    def account(self) -> list[Entry]:
        return [Entry(item.label, item.icon, reverse(item.url_name)) for item in ACCOUNT]

    @cached_property
    def campaign(self) -> str:
        return _campaign_name(self.user) if self.is_signed_in else ""

    @cached_property
    def setup(self) -> Setup | None:
        """The way back for who is setting the installation up."""
        return under_way(self.request) if self.is_signed_in else None

    @cached_property
    def banner(self) -> Banner | None:
        return _banner[1]() if _banner and self._counted[0] else None

    @cached_property
    def _items(self) -> list[MenuItem]:
        return items_for(self.user) if self.is_signed_in else []

    @cached_property
    def _counted(self) -> list[int]:
        """Reasons for the banner, then what waits at each entry of the menu: one statement for all of it."""
        return counts_for(self.user, self._items, also=_banner[0]() if _banner else ())

    @property
    def demo_logins(self) -> list[dict[str, str]]:
        """Whom one can come in as: on a laptop with the demo loaded, nowhere else."""
        if not settings.LOCAL or not Installation.objects.filter(is_demo=True).exists():
            return []
        return [
            {"role": str(role.label), "name": name, "email": email} for role, name, email, _zone in demo_users.USERS
        ]

    @property
    def demo_password(self) -> str:
        return demo_users.PASSWORD if self.demo_logins else ""

    @property
    def user_name(self) -> str:
        return str(self.user) if self.is_signed_in else ""

    @property
    def user_role(self) -> str:
        return ", ".join(self.user.roles) if self.is_signed_in else ""


def base_template(request: HttpRequest) -> str:
    """What a page extends: the shell, the dialog, or nothing when htmx picks a part of the page."""
    htmx: Any = getattr(request, "htmx", False)
    if not htmx or htmx.history_restore_request or htmx.boosted:
        return "shell.html"
    return "modal.html" if request.headers.get("X-Modal") else "fragment.html"
