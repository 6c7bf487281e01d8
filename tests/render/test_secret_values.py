from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gitops_agent.render.secret_values import without_secrets

CANARY = "canary-7f3a9c51"
ENCODED = base64.b64encode(CANARY.encode()).decode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("secret.yaml", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{anything: {CANARY}}}\n"),
        ("secret.yaml", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{anything: {ENCODED}}}\n"),
        ("kustomization.yaml", f"secretGenerator: [{{name: s, literals: [{CANARY}]}}]\n"),
        ("kustomization.yaml", f"secretGenerator: [{{name: s, literals: ['key={CANARY}']}}]\n"),
        ("values.yaml", f"database: {{adminPassword: {CANARY}}}\n"),
        ("values.json", f'{{"apiKey": "{CANARY}"}}\n'),
        ("templates/broken.yaml", f"{{{{ if }}}}\npassword: {CANARY}\n"),
        ("settings.env", f"DB_PASSWORD={CANARY}\n"),
        ("templates/broken.yaml", f"{{{{ if }}}}\n- 'password':\n    '{CANARY}'\n"),
    ],
    ids=["string-data", "data", "bare-literal", "literal", "values", "json", "no-yaml", "env", "next-line"],
)
def test_what_the_files_mark_as_secret_is_taken_out(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)

    assert without_secrets(f"cannot use {CANARY} here", tmp_path) == "cannot use *** here"


def test_files_of_a_secret_generator_are_secret_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("secretGenerator: [{name: s, envs: [some.env]}]\n")
    (tmp_path / "some.env").write_text(f"ONE=harmless-but-hidden\nTWO={CANARY}\n")

    assert CANARY not in without_secrets(f"invalid line TWO={CANARY}", tmp_path)


def test_other_words_stay(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("image: nginx\nsecretName: web-tls\nreplicas: 3\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]\nsecretGenerator: []\n")

    message = "web.yaml: no such file nginx for web-tls"

    assert without_secrets(message, tmp_path) == message


def test_no_files_are_no_trouble(tmp_path: Path) -> None:
    assert without_secrets("nothing", tmp_path / "nowhere") == "nothing"


def test_values_files_are_read_before_megabytes_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for number in range(40):
        (tmp_path / f"tree/{number}.txt").write_text("x" * 256 * 1024)
    (tmp_path / "values.yaml").write_text(f"password: {CANARY}\n")

    assert CANARY not in without_secrets(f"cannot use {CANARY}", tmp_path)
