from __future__ import annotations

from gitops_agent.agent.desired.pins import MOST, Pins
from gitops_agent.source.chart.chart_ref import ChartRef, SignerDemand
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from tests.agent.samples import key

SHOP, DESK = key("shop"), key("desk")
ONE, TWO = Repository(url="https://example.com/one"), Repository(url="https://example.com/two", secret="a/b")


def commit(number: int) -> Ref:
    return Ref(kind="commit", value=f"{number:040x}")


def test_a_repository_is_kept_while_an_application_reads_a_commit_of_it() -> None:
    pins = Pins()
    pins.add(SHOP, ONE, commit(1))
    pins.add(DESK, ONE, commit(1))
    pins.add(DESK, TWO, commit(2))

    assert pins.refs(ONE) == {commit(1): frozenset({SHOP, DESK})}
    assert pins.of(DESK) == {ONE, TWO}
    assert pins.with_secret("a/b") == {TWO}
    assert pins.drop(SHOP) == frozenset()
    assert pins.drop(DESK) == {ONE, TWO}
    assert pins.refs(ONE) == {}


def test_a_dependency_is_verified_again_with_the_keys_of_its_signers() -> None:
    pins = Pins()
    signers = SignerDemand(secret="shop/signers", provenance=True)
    pins.add(SHOP, ONE, ChartRef(name="redis", version="1.2.0", signers=signers, once="lock"))

    assert pins.with_secret("shop/signers") == {ONE}


def test_the_oldest_goes_first() -> None:
    pins = Pins()
    assert pins.add(SHOP, ONE, commit(0)) == frozenset()
    gone = [pins.add(SHOP, TWO, commit(number)) for number in range(1, MOST + 1)]

    assert [repositories for repositories in gone if repositories] == [{ONE}]
    assert len(pins.refs(TWO)) == MOST
