"""Arguments that choose other tests may leave none here."""

import pytest


def pytest_sessionfinish(session, exitstatus):
    """Accepts a session without tests: a choice by name may leave none in this environment."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and (session.config.option.keyword or session.config.option.markexpr):
        session.exitstatus = pytest.ExitCode.OK
