"""Chance that can be repeated: MLFORGE_TEST_SEED chooses another one."""

import os
import random

SEED = os.environ.get("MLFORGE_TEST_SEED", "1")


def chance(*which) -> random.Random:
    """A source of chance for one test."""
    return random.Random(f"{SEED} {which}")
