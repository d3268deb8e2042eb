import pytest

from crm.local import bootstrap


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """`make setup` compiles them; whoever runs pytest alone gets them too."""
    bootstrap.make_translations()
