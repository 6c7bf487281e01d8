from __future__ import annotations

import pytest

from gitops_agent.agent.stores.account_access import AccountAccess
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import ObjectKey
from tests.agent.accounts import allow, user
from tests.clock import Clock

pytestmark = pytest.mark.cluster


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(objects: Objects, clock: Clock) -> AccountAccess:
    return AccountAccess(objects, clock=clock)


def config(namespace: str, name: str = "one") -> ObjectKey:
    return ObjectKey("", "ConfigMap", namespace, name)


def test_an_account_may_apply_what_its_roles_allow(access: AccountAccess, objects: Objects, namespace: str) -> None:
    allow(objects, namespace, "patcher", "patch")

    assert access.may_apply(user(namespace, "patcher"), config(namespace), exists=True)
    assert not access.may_apply(user(namespace, "patcher"), config(namespace), exists=False)
    assert not access.may_apply(user(namespace, "powerless"), config(namespace), exists=True)
    assert not access.may_apply(user(namespace, "patcher"), config("default"), exists=True)
    assert access.may_apply(None, config(namespace), exists=False)


def test_objects_that_an_account_may_not_delete_are_named(access: AccountAccess, objects: Objects, namespace: str) -> None:
    allow(objects, namespace, "cleaner", "delete", names=["one"])

    keys = [config(namespace, "one"), config(namespace, "two")]

    assert access.undeletable(user(namespace, "cleaner"), keys) == {keys[1]}


def test_an_answer_is_kept_for_a_minute(access: AccountAccess, objects: Objects, clock: Clock, namespace: str) -> None:
    account, key = user(namespace, "late"), config(namespace)
    assert access.undeletable(account, [key]) == {key}
    allow(objects, namespace, "late", "delete")
    before = dict(objects.transport.count)

    assert access.undeletable(account, [key]) == {key}
    assert dict(objects.transport.count) == before
    clock.now += 61
    assert access.undeletable(account, [key]) == frozenset()


def test_without_an_answer_nothing_is_forbidden(nowhere: Transport) -> None:
    access = AccountAccess(Objects(nowhere, Discovery(nowhere)))

    assert access.may_apply("system:serviceaccount:a:b", config("a"), exists=False)
    assert access.undeletable("system:serviceaccount:a:b", [config("a")]) == frozenset()
