from __future__ import annotations

from gitops_agent.api.parse import parse
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.demo import signature
from gitops_agent.sandbox.demo.repository import example


def test_the_application_that_demands_signatures_can_be_followed() -> None:
    text = (example() / signature._APPLICATION).read_text()
    (application,) = load_all(text.replace(signature._PATH, signature._PATH + signature._VERIFY).encode(), file="notes.yaml")

    verify = parse(application).spec.source.verify

    assert (verify.mode.value, verify.secret_ref and verify.secret_ref.name) == ("head", "demo-signers")


def test_the_values_that_are_released_are_those_of_the_example() -> None:
    assert "replicas: 2\n" in (example() / signature._VALUES).read_text()
