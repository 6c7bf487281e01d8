"""The wheel, installed into an environment that knows nothing of the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from gitops_agent import __version__
from gitops_agent.config.directories import cache_home
from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import Completed, run
from tests.deploy.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with the wheel.

    The dependencies are those of the tests, so that nothing is downloaded; the package itself is not.
    """
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    subprocess.run(pip, check=True, capture_output=True)
    (packages,) = (folder / "venv").glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv/bin"


def call(installed: Path, folder: Path, *words: str, program: str = "gitops-agent") -> Completed:
    """Runs a command in a folder outside of the checkout."""
    env = {"HOME": str(folder), "XDG_CACHE_HOME": str(cache_home()), "PYTHONDONTWRITEBYTECODE": "1"}
    return run((str(installed / program), *words), cwd=folder, env=env)


def test_the_code_is_that_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    text = "import gitops_agent, pathlib; print(pathlib.Path(gitops_agent.__file__).parents[4])"

    done = run((str(installed / "python"), "-c", text), cwd=tmp_path)

    assert Path(done.stdout.decode().strip()).resolve() == installed.parent.resolve()


@pytest.mark.parametrize("program", ["gitops-agent", "kubectl-gitops"])
def test_both_programs_answer(installed: Path, tmp_path: Path, program: str) -> None:
    assert call(installed, tmp_path, "version", "-o", "name", program=program).stdout.decode().strip() == (
        f"gitops-agent/{__version__}"
    )


def test_it_prints_the_installation(installed: Path, tmp_path: Path) -> None:
    printed = call(installed, tmp_path, "install", "--image", "registry.example.com/agent:1").stdout

    kinds = [document["kind"] for document in load_all(printed, file="stdout")]
    assert (kinds.count("CustomResourceDefinition"), kinds.count("Deployment")) == (3, 1)


def test_it_renders_a_directory_in_a_worker_of_its_own(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/page.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\n")

    assert b"name: page" in call(installed, tmp_path, "render", "app").stdout


@pytest.mark.parametrize("words", [("config", "show"), ("sandbox", "--help"), ("demo", "--help"), ("completion", "bash")])
def test_a_command_runs_outside_of_the_checkout(installed: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert call(installed, tmp_path, *words).stdout


def test_everything_that_is_read_at_run_time_is_in_it(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python3*/site-packages/gitops_agent")

    def data(root: Path) -> set[str]:
        suffixes = {".py", ".pyc"}
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.suffix not in suffixes}

    expected = data(ROOT / "gitops_agent") | {f"deploy/{name}" for name in data(ROOT / "deploy")}
    expected |= {f"examples/{name}" for name in data(ROOT / "examples")}
    assert expected - data(package) == set()
