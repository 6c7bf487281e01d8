from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey

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


def test_a_live_object_is_reserved_for_the_application_its_marks_name() -> None:
    claims = ClaimRegistry()

    conflicts, _ = claims.claim(DESK, [WEB, API], {WEB: SHOP})
    assert conflicts == {WEB: SHOP}
    assert claims.claim(SHOP, [WEB]) == ({}, frozenset())
    assert claims.holder(WEB) == SHOP


def test_a_reserved_object_is_handed_over_once_its_application_does_not_declare_it() -> None:
    claims = ClaimRegistry()
    claims.claim(DESK, [WEB], {WEB: SHOP})

    _, woken = claims.claim(SHOP, [API])

    assert woken == {DESK}
    assert claims.claim(DESK, [WEB], {WEB: SHOP})[0] == {}
    assert claims.may_adopt(WEB, DESK, SHOP)


def test_a_reserved_object_is_free_once_its_application_is_gone() -> None:
    claims = ClaimRegistry()
    claims.claim(DESK, [WEB], {WEB: SHOP})

    assert claims.forget(SHOP) == {DESK}
    assert claims.claim(DESK, [WEB])[0] == {}


def test_an_object_is_not_adopted_before_its_application_has_claimed() -> None:
    claims = ClaimRegistry()
    claims.claim(DESK, [WEB])
    assert not claims.may_adopt(WEB, DESK, SHOP)

    claims.claim(SHOP, [WEB])
    assert not claims.may_adopt(WEB, DESK, SHOP)
    claims.claim(SHOP, [])
    assert claims.may_adopt(WEB, DESK, SHOP)


def test_a_transferred_object_has_its_new_holder_and_the_old_one_waits() -> None:
    claims = ClaimRegistry()
    claims.claim(SHOP, [WEB])
    claims.claim(DESK, [WEB])

    assert claims.transfer(WEB, DESK) == SHOP
    assert claims.holder(WEB) == DESK
    assert claims.claim(SHOP, [WEB])[0] == {WEB: DESK}
    assert claims.claim(DESK, [])[1] == {SHOP}
    assert claims.transfer(API, DESK) is None


def test_a_reservation_lasts_until_its_application_has_claimed_all_it_declares() -> None:
    claims = ClaimRegistry()

    claims.claim(SHOP, [API], complete=False)
    assert claims.claim(DESK, [WEB], {WEB: SHOP})[0] == {WEB: SHOP}
    claims.claim(SHOP, [API], complete=False)
    assert claims.claim(DESK, [WEB], {WEB: SHOP})[0] == {WEB: SHOP}
    assert claims.claim(SHOP, [API])[1] == {DESK}
    assert claims.claim(DESK, [WEB], {WEB: SHOP})[0] == {}


def test_versions_are_reported_of_other_applications_until_they_are_gone() -> None:
    claims, widget, gadget = ClaimRegistry(), GroupKind("example.com", "Widget"), GroupKind("example.com", "Gadget")
    for name, version in (("desk", "v1"), ("cafe", "v1"), ("shop", "v2")):
        claims.write_in(AppKey("gitops-system", name), "one", [(widget, version), (gadget, "v1")])

    shop = AppKey("gitops-system", "shop")
    assert claims.written_in({widget}, besides=shop) == {(widget, "v1"): "Application cafe, desk"}

    claims.write_in(AppKey("gitops-system", "desk"), "two", [(widget, "v2")])
    claims.release(AppKey("gitops-system", "cafe"))
    assert claims.written_in({widget}, besides=shop) == {(widget, "v2"): "Application desk"}
