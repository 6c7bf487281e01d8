from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gitops_agent.toolchain.cache import ToolCache, ToolDamaged
from gitops_agent.toolchain.catalog import TOOLS

ETCD = TOOLS["etcd"]


def _put(cache: ToolCache, content: str = "#!/bin/sh\n") -> Path:
    with cache.draft(ETCD) as folder:
        program = Path(folder) / "etcd"
        program.write_text(content)
        return cache.put(ETCD, program, origin="built from a test")


def test_what_was_put_is_installed_executable_with_a_receipt(tmp_path: Path) -> None:
    cache = ToolCache(tmp_path)
    path = _put(cache)
    assert path == tmp_path / "etcd-3.7.0" / "etcd"
    assert os.access(path, os.X_OK)
    receipt = cache.verify(ETCD)
    assert receipt.origin == "built from a test"
    assert receipt.size == path.stat().st_size
    assert ToolCache(tmp_path).installed(ETCD) == path
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["etcd-3.7.0"], "no draft is left"


def test_a_program_without_a_receipt_is_not_installed(tmp_path: Path) -> None:
    cache = ToolCache(tmp_path)
    path = _put(cache)
    (path.parent / "receipt.json").unlink()
    assert cache.installed(ETCD) is None
    assert not cache.present(ETCD)
    with pytest.raises(ToolDamaged, match="not installed"):
        cache.verify(ETCD)


def test_a_changed_program_is_found_out_even_with_its_old_time_and_size(tmp_path: Path) -> None:
    path = _put(ToolCache(tmp_path), "one")
    facts = path.stat()
    path.write_text("two")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert ToolCache(tmp_path).installed(ETCD) is None, "the first use in a process hashes"


def test_a_program_changed_during_the_process_is_found_out(tmp_path: Path) -> None:
    cache = ToolCache(tmp_path)
    path = _put(cache, "one")
    assert cache.installed(ETCD) == path
    path.write_text("longer")
    assert cache.installed(ETCD) is None


def test_a_touched_program_is_still_the_same(tmp_path: Path) -> None:
    cache = ToolCache(tmp_path)
    path = _put(cache)
    os.utime(path)
    assert cache.installed(ETCD) == path


def test_a_vanished_program_or_torn_receipt_is_not_installed(tmp_path: Path) -> None:
    cache = ToolCache(tmp_path)
    path = _put(cache)
    path.unlink()
    assert cache.installed(ETCD) is None
    path = _put(cache)
    receipt = path.parent / "receipt.json"
    receipt.write_text(json.dumps({"sha256": "x"}))
    assert cache.receipt(ETCD) is None
