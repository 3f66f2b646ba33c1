"""Repeatable random numbers. MLFORGE_TEST_SEED chooses another seed."""

import os
import random

SEED = os.environ.get("MLFORGE_TEST_SEED", "1")


def chance(*which) -> random.Random:
    """A random number generator for one test."""
    return random.Random(f"{SEED} {which}")
