from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from gitops_agent.sandbox.kubeconfig import read_token, write_kubeconfig


def _written(folder: Path) -> Path:
    return write_kubeconfig(
        folder / "config",
        server="https://127.0.0.1:1",
        authority=b"PEM",
        user="system:serviceaccount:a:b",
        token="ey.J_-",
        namespace="a",
    )


def test_a_kubeconfig_names_server_authority_user_and_namespace(tmp_path: Path) -> None:
    config = yaml.safe_load(_written(tmp_path).read_text())
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": base64.b64encode(b"PEM").decode(),
    }
    assert config["users"] == [{"name": "system:serviceaccount:a:b", "user": {"token": "ey.J_-"}}]
    assert config["contexts"][0]["context"] == {"cluster": "sandbox", "user": "system:serviceaccount:a:b", "namespace": "a"}
    assert config["current-context"] == "sandbox"


def test_a_kubeconfig_is_for_its_owner_only_and_leaves_no_draft(tmp_path: Path) -> None:
    path = _written(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_token_can_be_read_back(tmp_path: Path) -> None:
    assert read_token(_written(tmp_path)) == "ey.J_-"


def test_a_file_without_a_token_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("users: []\n")
    with pytest.raises(ValueError, match="holds no token"):
        read_token(tmp_path / "config")
