from __future__ import annotations

import base64
from typing import Any

import pytest

from gitops_agent.manifest import marks
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority, sealed_uid, secret_key

SHOP, DESK = AppKey("gitops-system", "shop"), AppKey("gitops-system", "desk")
AUTHORITY = MarkAuthority(b"k" * 32)
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}}
KEY = ObjectKey.of(WEB)


def marked(seal: str, application: AppKey = SHOP, obj: dict[str, Any] | None = None) -> dict[str, Any]:
    return marks.marked(obj or WEB, application=application, digest="d1", revision="c1", seal=seal)


def test_an_object_with_its_own_seal_belongs_to_its_application() -> None:
    assert AUTHORITY.owner(marked(AUTHORITY.seal(KEY, SHOP, "u1"))) == SHOP


def test_a_seal_names_the_application_by_its_uid() -> None:
    assert sealed_uid(AUTHORITY.seal(KEY, SHOP, "u1")) == "u1"


def test_an_object_named_with_the_signs_of_a_mark_can_be_sealed() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:a#b@c"}}
    seal = AUTHORITY.seal(ObjectKey.of(role), SHOP, "u1")
    assert AUTHORITY.owner(marked(seal, obj=role)) == SHOP


@pytest.mark.parametrize(
    "seal",
    [
        "",
        "u1",
        "u1.",
        ".",
        "u1.AAAAAAAAAAAAAAAAAAAAAA",
        MarkAuthority(b"x" * 32).seal(KEY, SHOP, "u1"),
        AUTHORITY.seal(KEY, DESK, "u1"),
        AUTHORITY.seal(KEY, SHOP, "u2").replace("u2", "u1"),
        AUTHORITY.seal(ObjectKey.of({**WEB, "kind": "StatefulSet"}), SHOP, "u1"),
        AUTHORITY.seal(KEY, SHOP, "u1") + "ä",
    ],
)
def test_a_forged_or_copied_seal_binds_nothing(seal: str) -> None:
    obj = marked(seal)
    assert marks.owner(obj) == SHOP
    assert AUTHORITY.owner(obj) is None


def test_without_a_key_nothing_is_sealed_and_nothing_verifies() -> None:
    empty = MarkAuthority()
    assert not empty.ready
    assert empty.seal(KEY, SHOP, "u1") == ""
    assert empty.owner(marked("")) is None
    assert empty.owner(marked(AUTHORITY.seal(KEY, SHOP, "u1"))) is None


def test_the_key_of_a_secret_is_decoded() -> None:
    assert secret_key({"data": {"key": base64.b64encode(b"k" * 32).decode()}}) == b"k" * 32


@pytest.mark.parametrize("data", [None, {}, {"key": ""}, {"key": "no base64!"}, {"key": "c2hvcnQ="}, {"key": 5}])
def test_a_secret_without_a_usable_key_has_none(data: Any) -> None:
    assert secret_key({"data": data}) == b""


@pytest.mark.parametrize(("size", "counts"), [(16, True), (15, False), (0, False)])
def test_a_key_counts_when_it_is_long_enough(*, size: int, counts: bool) -> None:
    key = b"k" * size

    assert secret_key({"data": {"key": base64.b64encode(key).decode()}}) == (key if counts else b"")
