"""Languages that a mailing can be written in: those that the installation offers."""

from crm.accounts.models import Installation
from crm.languages import language_name

__all__ = ["language_choices", "language_name"]


def language_choices() -> list[tuple[str, str]]:
    return [(code, language_name(code)) for code in Installation.current().languages]
