"""The search for leaks finds a value however it is written."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from tests.acceptance.canary import Canary, found, places

CANARY = Canary("c0ffee12d6f1", "a0c39b27beef")


@pytest.mark.parametrize(
    "text",
    [
        CANARY.value,
        CANARY.value[:12],
        CANARY.value[-12:],
        CANARY.encoded,
        json.dumps({"password": CANARY.value}),
        quote(CANARY.value),
        quote(CANARY.value, safe=""),
        CANARY.value.encode().hex(),
        *(base64.b64encode(f"{'x' * offset}{CANARY.value}yz".encode()).decode() for offset in range(4)),
        base64.urlsafe_b64encode(CANARY.value.encode()).decode(),
    ],
)
def test_a_value_is_found_in_each_form(text: str) -> None:
    assert places(found([CANARY], {"log: line 1": f"before {text} after", "elsewhere": "nothing"})) == {"log: line 1"}


def test_another_value_is_not_found() -> None:
    other = Canary("c0ffee12d6f2", "a0c39b27bee0")

    assert found([CANARY], {"log": f"{other.value} {other.encoded}"}) == {}
