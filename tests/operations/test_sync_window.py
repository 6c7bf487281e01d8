from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.problems import SpecInvalid
from gitops_agent.manifest.key import Object
from gitops_agent.operations.sync_window import closed_window, has_windows
from tests.agent.samples import application_object

FREEZE = {"schedule": "0 0 1 * *", "duration": "8784h"}


def declared(**sync: Any) -> Object:
    return application_object("shop", sync=sync)


def test_a_closed_window_is_judged_now() -> None:
    assert str(closed_window(declared(windows=[FREEZE]))).endswith("(deny 0 0 1 * * for 8784h, UTC)")


def test_an_open_window_closes_nothing() -> None:
    always = {"schedule": "0 0 1 * *", "duration": "8784h", "action": "allow"}

    assert has_windows(declared(windows=[always]))
    assert closed_window(declared(windows=[always])) is None


@pytest.mark.parametrize("sync", [{}, {"windows": []}, {"windows": [FREEZE], "mode": "observe"}])
def test_without_windows_or_where_nothing_is_changed_none_is_closed(sync: dict[str, Any]) -> None:
    assert not has_windows(declared(**sync))
    assert closed_window(declared(**sync)) is None


def test_an_invalid_window_is_an_error() -> None:
    with pytest.raises(SpecInvalid, match=r"spec\.sync\.windows\[0\]\.schedule: the hour is not between 0 and 23"):
        closed_window(declared(windows=[{"schedule": "0 24 * * *", "duration": "1h"}]))
