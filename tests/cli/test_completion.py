from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_names_the_program(run: Run, shell: str) -> None:
    result = run("completion", shell)

    assert result.code == 0
    assert "_GITOPS_AGENT_COMPLETE" in result.stdout


def test_bash_understands_its_script(run: Run, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash").stdout)

    subprocess.run([bash, "-n", script], check=True)


def test_another_shell_is_exit_code_two(run: Run) -> None:
    result = run("completion", "tcsh")

    assert (result.code, result.stderr.count("\n")) == (2, 1)
