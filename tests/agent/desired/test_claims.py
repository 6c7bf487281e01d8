from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.manifest.key import AppKey, ObjectKey

SHOP, DESK = AppKey("gitops-system", "shop"), AppKey("gitops-system", "desk")
WEB = ObjectKey("apps", "Deployment", "shop", "web")
API = ObjectKey("apps", "Deployment", "shop", "api")


def test_the_first_application_to_declare_an_object_keeps_it() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])

    conflicts, _ = claims.claim(DESK, [WEB, API])

    assert conflicts == {WEB: SHOP}
    assert claims.holder(API) == DESK


def test_letting_go_wakes_the_one_that_waits() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB, API])
    claims.claim(DESK, [WEB])

    _, woken = claims.claim(SHOP, [API])

    assert woken == {DESK}


def test_an_object_that_another_application_declares_is_handed_over_and_not_deleted() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])
    claims.claim(DESK, [WEB])
    claims.claim(SHOP, [])
    claims.claim(DESK, [WEB])

    assert claims.wanted_by_another(WEB, SHOP) == DESK
    assert claims.wanted_by_another(WEB, DESK) is None


def test_an_application_that_goes_releases_everything() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])
    claims.claim(DESK, [WEB])

    assert claims.release(SHOP) == {DESK}
    assert claims.claim(DESK, [WEB]) == ({}, frozenset())


objects = st.sets(st.integers(0, 5).map(lambda n: ObjectKey("", "ConfigMap", "shop", f"c{n}")))
apps = st.sampled_from([AppKey("gitops-system", name) for name in "abc"])


@given(st.lists(st.tuples(apps, objects), max_size=30))
def test_no_object_ever_has_two_holders(script: list[tuple[AppKey, set[ObjectKey]]]) -> None:
    claims = ClaimRegistry()
    for application, keys in script:
        conflicts, _ = claims.claim(application, keys)
        for key in keys - conflicts.keys():
            assert claims.holder(key) == application
        for key, holder in conflicts.items():
            assert claims.holder(key) == holder != application


def test_a_released_object_has_a_holder_while_another_application_contends_for_it() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])
    claims.claim(DESK, [WEB])

    _, woken = claims.claim(SHOP, [])

    assert woken == {DESK}
    assert claims.holder(WEB) == DESK
    assert claims.wanted_by_another(WEB, SHOP) == DESK


def test_an_application_that_no_longer_contends_is_forgotten() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])
    claims.claim(DESK, [WEB])
    claims.claim(DESK, [])

    assert claims.release(SHOP) == frozenset()
    assert claims.holder(WEB) is None
