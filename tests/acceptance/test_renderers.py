"""Render programs that hang, crash or flood, beside healthy applications."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitops_agent.render.binaries import find
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

SCRIPT = """\
#!{python}
import os, pathlib, signal, sys

real = {real!r}
if "version" in sys.argv:
    os.execv(real, [real, *sys.argv[1:]])
words = [word for folder in [".", *sys.argv[1:]] for name in ("kustomization.yaml", "Chart.yaml")
         for word in [pathlib.Path(folder, name)] if word.is_file()]
text = "".join(word.read_text() for word in words)
if "behave-hang" in text:
    signal.pause()
if "behave-crash" in text:
    print("something is terribly wrong", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGSEGV)
if "behave-flood" in text:
    block = b"# " + b"x" * 65533 + b"\\n"
    for _ in range(1_000_000_000 // len(block)):
        os.write(1, block)
    sys.exit(0)
os.execv(real, [real, *sys.argv[1:]])
"""
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def _fake(folder: Path, name: str) -> str:
    """A program like the real one, unless the files request a failure."""
    path = folder / name
    path.write_text(SCRIPT.format(python=sys.executable, real=str(find(name).path)))
    path.chmod(0o755)
    return str(path)


def _kustomization(word: str) -> dict[str, str]:
    text = files(config_map("good"))["configmap-good.yaml"]
    return {"kustomization.yaml": f"# {word}\n{HEAD}resources: [good.yaml]\n", "good.yaml": text}


def _chart(word: str) -> dict[str, str]:
    return {
        "Chart.yaml": f"# {word}\napiVersion: v2\nname: chart\nversion: 0.1.0\n",
        "templates/good.yaml": files(config_map("charted"))["configmap-charted.yaml"],
    }


def _under(folder: str, contents: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in contents.items()}


def test_renders_that_hang_crash_or_flood_fail_alone_and_recover_with_the_next_commit(own: Tenant) -> None:
    own.agent = own.installed.start(
        settings={
            "leader__enabled": "false",
            "render__timeout_seconds": "6",
            "render__output_mib": "8",
            "render__kustomize": _fake(own.folder, "kustomize"),
            "render__helm": _fake(own.folder, "helm"),
        }
    )
    own.foreign()
    parts: dict[str, str] = {}
    for word in ("hang", "crash", "flood"):
        parts |= _under(f"k-{word}", _kustomization(f"behave-{word}"))
        parts |= _under(f"h-{word}", _chart(f"behave-{word}"))
    commit = own.commit(parts | _under("fine", _kustomization("fine")))
    own.declare("h-hang", source={"path": "h-hang"})
    own.declare("fine", source={"path": "fine"})

    own.settled(commit, "fine")
    for name in ("k-hang", "k-crash", "k-flood", "h-crash", "h-flood"):
        own.declare(name, source={"path": name})
    for name in ("k-hang", "h-hang"):
        own.says("RenderTimeout", short=name)
    for name in ("k-crash", "h-crash"):
        own.says("RenderFailed", "terribly wrong", short=name)
    for name in ("k-flood", "h-flood"):
        own.says("RenderTooLarge", short=name)
    assert own.configs() == {"foreign", "good"}

    corrected = own.commit(_under("h-hang", _chart("corrected")))
    own.settled(corrected, "h-hang")
    assert own.configs() == {"foreign", "good", "charted"}
