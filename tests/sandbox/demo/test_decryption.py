from __future__ import annotations

import pyrage

from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import run
from gitops_agent.sandbox.demo.decryption import IDENTITY, PASSWORD, encrypted
from tests.render.decryption.sops import PROGRAM


def test_the_file_in_git_does_not_hold_the_password() -> None:
    (secret,) = load_all(encrypted().encode(), file="database.yaml")

    assert PASSWORD not in encrypted()
    assert secret["sops"]["age"][0]["recipient"] == str(pyrage.x25519.Identity.from_str(IDENTITY).to_public())


def test_sops_itself_decrypts_it_with_the_key_of_the_story() -> None:
    argv = (str(PROGRAM), "decrypt", "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin")
    done = run(argv, env={"SOPS_AGE_KEY": IDENTITY}, stdin=encrypted().encode())

    (secret,) = load_all(done.stdout, file="database.yaml")
    assert secret["stringData"] == {"password": PASSWORD}
