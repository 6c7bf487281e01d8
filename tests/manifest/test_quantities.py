from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.quantities import quantity, same_amount, seconds, spelled, spelled_within


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1000m", "1"),
        ("1", 1),
        ("1Gi", "1024Mi"),
        ("1k", "1000"),
        ("1e3", "1k"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1E", "1e18"),
    ],
)
def test_quantities_of_one_value_are_equal(left: Any, right: Any) -> None:
    assert quantity(left) == quantity(right) is not None


@pytest.mark.parametrize("value", ["", "m", "1 Gi", "1GiB", "1e", "web", None, True, [], "1" * 65, "1e9999"])
def test_what_is_no_quantity_has_no_value(value: Any) -> None:
    assert quantity(value) is None


@pytest.mark.parametrize(("left", "right"), [("60s", "1m"), ("1h30m", "90m"), ("1.5s", "1500ms"), ("2160h", "2160h0m0s")])
def test_durations_of_one_length_are_equal(left: str, right: str) -> None:
    assert seconds(left) == seconds(right) is not None


@pytest.mark.parametrize("value", ["", "5", "1d", "m", 60, None, "1h " * 30])
def test_what_is_no_duration_has_no_length(value: Any) -> None:
    assert seconds(value) is None


@pytest.mark.parametrize(
    ("path", "old", "new", "same"),
    [
        ("spec.containers.web.resources.limits.cpu", "1000m", "1", True),
        ("spec.containers.web.resources.requests.storage", "1Gi", "1025Mi", False),
        ("spec.limits.0.default.memory", "1Gi", "1024Mi", True),
        ("spec.volumes.0.emptyDir.sizeLimit", "1000Mi", "1000Mi", True),
        ("spec.interval", "60s", "1m", True),
        ("spec.drainTimeout", "60s", "1m", True),
        ("spec.interval", "60s", "2m", False),
        ("spec.interval", "often", "1m", False),
        ("data.cpu", "1000m", "1", False),
        ("spec.size", "1000m", "1", False),
        ("", "1000m", "1", False),
    ],
)
def test_amounts_are_compared_where_the_field_holds_one(path: str, old: str, new: str, *, same: bool) -> None:
    assert same_amount(path.split(".") if path else [], old, new) is same


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("1m", "0.001", ".001", "1e-3"), "1m"),
        (("1000m", "1", 1, "1.0"), "1"),
        (("1024Mi", "1Gi", "1073741824"), "1Gi"),
        (("0.5Gi", "512Mi"), "512Mi"),
        (("1000k", "1M", "1000000"), "1M"),
        (("0", 0, "0m"), "0"),
        (("1.5", "1500m"), "1500m"),
        (("0.0000000001",), "1n"),
        (("-0.5", "-500m"), "-500m"),
        (("300Mi",), "300Mi"),
    ],
)
def test_equal_quantities_have_one_spelling(values: tuple[Any, ...], text: str) -> None:
    assert {spelled(value) for value in values} == {text}


def test_only_quantities_of_a_pod_template_are_respelled() -> None:
    template = {"spec": {"containers": [{"args": ["0.001"], "resources": {"requests": {"cpu": "0.001"}}}]}}
    volumes = {"spec": {"volumes": [{"emptyDir": {"sizeLimit": "1024Mi"}}]}, "metadata": {"annotations": {"x": "1000m"}}}

    assert spelled_within(template) == {"spec": {"containers": [{"args": ["0.001"], "resources": {"requests": {"cpu": "1m"}}}]}}
    assert spelled_within(volumes) == {
        "spec": {"volumes": [{"emptyDir": {"sizeLimit": "1Gi"}}]},
        "metadata": {"annotations": {"x": "1000m"}},
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [("1024Mi", "1Gi"), (1024, "1Ki"), ("1024Ei", "1024Ei"), ("1500m", "1500m"), ("2000", "2k"), ("0Gi", "0"), ("web", "web")],
)
def test_a_quantity_has_one_spelling(value: Any, text: str) -> None:
    assert spelled(value) == text
