from __future__ import annotations

from gitops_agent.api.parse import parse
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.demo.first_sync import APPLICATIONS, root
from gitops_agent.sandbox.demo.repository import example


def test_the_root_application_can_be_followed() -> None:
    application = parse(root("file:///tmp/config.git"))

    assert application.spec.source.path == "clusters/production"
    assert (example() / application.spec.source.path).is_dir()


def test_the_example_declares_the_applications_the_story_waits_for() -> None:
    named = set()
    for path in example().joinpath("clusters", "production").rglob("*.yaml"):
        for obj in load_all(path.read_bytes(), file=path.name):
            if obj["kind"] == "Application":
                named.add(obj["metadata"]["name"])

    assert named == set(APPLICATIONS)
