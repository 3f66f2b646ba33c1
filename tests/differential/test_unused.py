"""The last test: each entry of the table of differences must have occurred."""

from pathlib import Path

import pytest
from differences import ADDITIONS, DIFFERENCES, OMISSIONS


@pytest.fixture
def everything_ran(request):
    """True if each test file of this directory is part of the session."""
    files = {item.path for item in request.session.items}
    return files == set(Path(__file__).parent.glob("test_*.py")) and not request.session.config.option.keyword


def test_every_difference_occurs(pair, everything_ran):
    if everything_ran:
        assert {entry.name for entry in [*DIFFERENCES, *OMISSIONS, *ADDITIONS]} - pair.occurred == set()
