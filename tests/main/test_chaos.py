"""A short version of benchmarks/chaos.py: runs killed while they fetch, build and publish, and two that overlap."""

import random

import pytest

from benchmarks.chaos import PHASES, kill_round, made_world, pair_round

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("main")]


def test_killed_and_overlapping_runs_break_nothing_and_the_next_run_gives_the_same_bytes(tmp_path):
    chance = random.Random(11)
    with made_world(tmp_path) as world:
        rounds = [kill_round(world, phase, 2, chance) for phase in PHASES[1:]]
        assert [fault for _, faults in rounds for fault in faults] == []
        assert sum(killed for killed, _ in rounds) >= 2
        _, faults = pair_round(world, chance)
        assert faults == []
