from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey

names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
keys = st.builds(
    ObjectKey,
    st.one_of(st.just(""), names),
    st.from_regex(r"[A-Z][A-Za-z]{0,20}", fullmatch=True),
    st.one_of(st.just(""), names),
    names,
)


def test_a_key_names_group_kind_namespace_and_name() -> None:
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}}
    assert ObjectKey.of(obj) == ObjectKey("apps", "Deployment", "shop", "web")


def test_the_version_is_no_part_of_an_identity() -> None:
    old = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    assert ObjectKey.of(old) == ObjectKey.of({**old, "apiVersion": "autoscaling/v2"})


def test_the_core_group_is_empty_and_not_printed() -> None:
    key = ObjectKey.of({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": "web"}})
    assert (key.group, str(key)) == ("", "Service:shop/web")


def test_a_cluster_scoped_key_prints_without_a_namespace() -> None:
    assert str(ObjectKey("", "Namespace", "", "shop")) == "Namespace:shop"


def test_missing_parts_become_empty_texts() -> None:
    assert ObjectKey.of({"metadata": None}) == ObjectKey("", "", "", "")


@given(keys)
def test_a_printed_key_parses_to_itself(key: ObjectKey) -> None:
    assert ObjectKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["", "Service", "Service:", ":web", "apps/:web"])
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        ObjectKey.parse(text)


def test_a_group_and_kind_print_as_people_write_them() -> None:
    assert [str(GroupKind("apps", "Deployment")), str(GroupKind("", "Service"))] == ["apps/Deployment", "Service"]


def test_an_application_key_parses_what_it_prints() -> None:
    key = AppKey("gitops-system", "shop")
    assert AppKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["shop", "/shop", "gitops-system/", ""])
def test_an_application_key_needs_both_parts(text: str) -> None:
    with pytest.raises(ValueError, match="namespace/name"):
        AppKey.parse(text)
