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
