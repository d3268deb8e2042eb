"""The schema is complete, says everything, and is made without a warning."""

import pytest
from drf_spectacular import drainage

from crm.api.docs import build


def test_schema_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    drainage.GENERATOR_STATS.reset()
    build.cache_clear()

    made = build()

    assert capsys.readouterr().err == ""
    assert made["openapi"].startswith("3.1")
    assert not drainage.GENERATOR_STATS


def test_only_204_is_declared_empty() -> None:
    """A client made from the schema would throw away what an operation answers without saying so."""
    empty = [
        f"{method} {path}: {status}"
        for path, methods in build()["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status.startswith("2") and (status == "204") != ("content" not in answer)
    ]

    assert empty == []
