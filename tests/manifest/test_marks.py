from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey

SHOP = AppKey("gitops-system", "shop")


def deployment(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "shop", "name": "web", **metadata}}


def marked(obj: dict[str, Any] | None = None, application: AppKey = SHOP) -> dict[str, Any]:
    return marks.marked(obj or deployment(), application=application, digest="d1", revision="c1")


def test_a_marked_object_belongs_to_its_application() -> None:
    assert marks.owner(marked()) == SHOP


def test_marking_keeps_labels_and_annotations_and_changes_nothing_else() -> None:
    obj = deployment(labels={"app": "web"}, annotations={"note": "x"})
    before = copy(obj)
    result = marked(obj)
    assert obj == before
    assert result["metadata"]["labels"]["app"] == "web"
    assert result["metadata"]["annotations"]["note"] == "x"


def test_labels_written_as_null_can_be_marked() -> None:
    assert marks.owner(marked(deployment(labels=None, annotations=None))) == SHOP


def test_a_copy_under_another_name_has_no_owner() -> None:
    copied = marked()
    copied["metadata"]["name"] = "web-copy"
    assert marks.owner(copied) is None


def test_a_copy_in_another_namespace_has_no_owner() -> None:
    copied = marked()
    copied["metadata"]["namespace"] = "staging"
    assert marks.owner(copied) is None


def test_labels_copied_to_a_child_of_another_kind_bind_nothing() -> None:
    parent = marked()
    child = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": "web"} | {"labels": parent["metadata"]["labels"]},
    }
    assert marks.owner(child) is None


def test_a_label_and_an_annotation_of_different_applications_bind_nothing() -> None:
    torn = marked()
    torn["metadata"]["labels"][marks.APPLICATION] = marks.label_value(AppKey("gitops-system", "other"))
    assert marks.owner(torn) is None


def test_marks_that_are_no_texts_bind_nothing() -> None:
    broken = marked()
    broken["metadata"]["annotations"][marks.ID] = {"a": 1}
    assert marks.owner(broken) is None


def test_an_annotation_without_an_application_binds_nothing() -> None:
    broken = marked()
    broken["metadata"]["annotations"][marks.ID] = "apps/Deployment:shop/web"
    assert marks.owner(broken) is None


@given(st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True), st.from_regex(r"[a-z0-9.-]{1,200}", fullmatch=True))
def test_a_label_value_fits_its_limit(namespace: str, name: str) -> None:
    assert len(marks.label_value(AppKey(namespace, name))) <= 63


def test_long_names_that_begin_alike_have_different_label_values() -> None:
    first, second = (AppKey("gitops-system", "a" * 80 + end) for end in "xy")
    assert marks.label_value(first) != marks.label_value(second)


def test_an_annotation_that_is_no_text_reads_as_absent() -> None:
    assert marks.annotation(deployment(annotations={marks.PRUNE: True}), marks.PRUNE) is None
    assert marks.annotation(deployment(annotations={marks.PRUNE: "disabled"}), marks.PRUNE) == "disabled"


def test_an_object_without_metadata_has_no_owner() -> None:
    assert marks.owner({"apiVersion": "v1", "kind": "ConfigMap"}) is None
    assert marks.owner({"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}) is None


@pytest.mark.parametrize(("length", "plain"), [(62, True), (63, True), (64, False)])
def test_a_label_value_is_hashed_only_where_it_would_be_too_long(length: int, *, plain: bool) -> None:
    application = AppKey("n" * 20, "a" * (length - 21))

    assert (marks.label_value(application) == f"{application.namespace}_{application.name}") is plain
    assert len(marks.label_value(application)) == min(length, 63)
