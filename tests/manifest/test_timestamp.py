"""Moments as the API server writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from gitops_agent.manifest.timestamp import timestamp


def test_a_moment_is_written_in_utc_with_whole_seconds() -> None:
    assert timestamp(datetime(2026, 11, 30, 8, 45, 47, 999_999, UTC)) == "2026-11-30T08:45:47Z"


def test_another_time_zone_is_converted() -> None:
    eastern = timezone(timedelta(hours=-5))

    assert timestamp(datetime(2026, 11, 29, 22, 0, 0, tzinfo=eastern)) == "2026-11-30T03:00:00Z"
