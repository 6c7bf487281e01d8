from __future__ import annotations

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.field_report import field_changes
from gitops_agent.manifest.masking import LAST_APPLIED, masked, masked_pair


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(data: dict[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    values = {name: encoded(text) for name, text in (data or {}).items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": values, **rest}


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(min_size=12, max_size=30), min_size=1, max_size=5))
def test_no_value_of_a_secret_survives_masking(data: dict[str, str]) -> None:
    shown = str(masked(secret(data)))
    assert not any(encoded(value) in shown for value in data.values())


def test_a_changed_value_is_seen_to_have_changed_without_being_seen() -> None:
    old, new = masked_pair(
        secret({"user": "app", "password": "hunter2-old"}), secret({"user": "app", "password": "hunter2-new"})
    )
    assert [change.path for change in field_changes(old, new)] == ["/data/password"]
    assert "hunter2" not in str(field_changes(old, new))


def test_equal_values_have_equal_masks_on_both_sides() -> None:
    old, new = masked_pair(secret({"a": "same-value", "b": "other"}), secret({"b": "same-value"}))
    assert old["data"]["a"] == new["data"]["b"] != old["data"]["b"]


def test_a_value_written_as_text_equals_the_encoded_one() -> None:
    written = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": "value-1"}}
    left, right = masked_pair(written, secret({"a": "value-1"}))
    assert left["stringData"]["a"] == right["data"]["a"]


def test_the_whole_object_kept_by_kubectl_in_an_annotation_is_masked() -> None:
    obj = secret({"a": "hunter2"}, metadata={"name": "db", "annotations": {LAST_APPLIED: '{"data":{"a":"hunter2"}}', "b": "c"}})
    shown = masked(obj)
    assert "hunter2" not in str(shown)
    assert shown["metadata"]["annotations"]["b"] == "c"


def test_values_that_are_no_texts_are_masked_too() -> None:
    assert "12345678" not in str(masked({"apiVersion": "v1", "kind": "Secret", "data": {"pin": 12345678}}))
    assert "hunter2" not in str(masked({"apiVersion": "v1", "kind": "Secret", "data": ["hunter2"]}))


def test_an_object_of_another_kind_is_returned_as_it_is() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "plain"}}
    assert masked(config) is config


def test_masking_does_not_change_the_object() -> None:
    obj = secret({"a": "hunter2"})
    masked(obj)
    assert obj == secret({"a": "hunter2"})


def test_the_numbers_of_values_do_not_depend_on_the_order_of_their_names() -> None:
    values = secret({"user": "app", "password": "hunter2-old"})
    turned = {**values, "data": dict(reversed(values["data"].items()))}

    assert masked(values)["data"] == masked(turned)["data"]
