from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_agent.toolchain import system_packages
from gitops_agent.toolchain.system_packages import ProgramMissing, SystemPackages


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _only(monkeypatch: pytest.MonkeyPatch, *folders: Path | str) -> None:
    monkeypatch.setattr(system_packages, "_FOLDERS", ())
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))


def test_a_program_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path / "bin" / "nft", "true")
    _only(monkeypatch, tmp_path / "bin")

    assert SystemPackages(tmp_path / "cache").find("nft") == tmp_path / "bin" / "nft"


def test_without_a_package_tool_the_error_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, tmp_path)

    with pytest.raises(ProgramMissing, match=r"nft is not installed and .* no apt-get .*: install the package nftables"):
        SystemPackages(tmp_path / "cache").find("nft")


def test_a_package_that_cannot_be_had_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("apt-cache", "dpkg", "dpkg-query"):
        _script(tmp_path / "bin" / name, "true")
    _script(tmp_path / "bin" / "apt-get", "echo 'E: Unable to locate package nftables' >&2; exit 100")
    _only(monkeypatch, tmp_path / "bin", "/usr/bin", "/bin")

    with pytest.raises(ProgramMissing, match=r"cannot be unpacked .*: apt-get ended with code 100: E: Unable to locate"):
        SystemPackages(tmp_path / "cache").find("nft")
    assert not (tmp_path / "cache" / "nftables").exists()


def test_a_package_is_unpacked_once_with_missing_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's programs are stand-ins that "download" folders instead of archives."""
    log = tmp_path / "log"
    _script(tmp_path / "bin" / "apt-cache", "printf 'nftables\\n  Depends: libnftables1\\nlibnftables1\\nlibc6\\nlibgmp10\\n'")
    _script(tmp_path / "bin" / "dpkg-query", "printf 'libgmp10 install ok installed\\n'")
    _script(tmp_path / "bin" / "apt-get", f'echo "$@" >> {log}; shift; for one in "$@"; do : > "$one.deb"; done')
    _script(
        tmp_path / "bin" / "dpkg",
        'case "$2" in\n'
        '*/nftables.deb) mkdir -p "$3/usr/sbin"; printf \'#!/bin/sh\\necho "$LD_LIBRARY_PATH $1"\\n\' > "$3/usr/sbin/nft"; '
        'chmod 755 "$3/usr/sbin/nft";;\n'
        '*) mkdir -p "$3/usr/lib/any"; : > "$3/usr/lib/any/libnftables.so.1";;\nesac',
    )
    _only(monkeypatch, tmp_path / "bin", "/usr/bin", "/bin")
    programs = [SystemPackages(tmp_path / "cache").find("nft") for _ in range(2)]

    output = subprocess.run((str(programs[0]), "list"), capture_output=True, text=True, check=True).stdout.split()
    assert output == [str(tmp_path / "cache" / "nftables" / "usr" / "lib" / "any"), "list"]
    assert programs[0] == programs[1]
    assert log.read_text().splitlines() == ["download nftables libnftables1"]


def test_programs_of_one_package_leave_each_other_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    _script(tmp_path / "bin" / "apt-cache", "printf 'prometheus\\n'")
    _script(tmp_path / "bin" / "dpkg-query", "true")
    _script(tmp_path / "bin" / "apt-get", f'echo "$@" >> {log}; : > prometheus.deb')
    _script(
        tmp_path / "bin" / "dpkg",
        'mkdir -p "$3/usr/bin"; for one in prometheus promtool; do '
        'printf \'#!/bin/sh\\n\' > "$3/usr/bin/$one"; chmod 755 "$3/usr/bin/$one"; done',
    )
    for name in ("sh", "chmod", "mkdir"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    _only(monkeypatch, tmp_path / "bin")

    programs = [SystemPackages(tmp_path / "cache").find(name) for name in ("promtool", "prometheus", "promtool")]

    assert all(program.is_file() for program in programs)
    assert log.read_text() == "download prometheus\n"


def test_a_program_that_its_package_puts_into_bin_is_not_overwritten_by_its_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(tmp_path / "bin" / "apt-cache", "printf 'iproute2\\n'")
    _script(tmp_path / "bin" / "dpkg-query", "true")
    _script(tmp_path / "bin" / "apt-get", "shift; : > iproute2.deb")
    unpacked = 'mkdir -p "$3/bin"; printf \'#!/bin/sh\\necho "ip $1"\\n\' > "$3/bin/ip"; chmod 755 "$3/bin/ip"'
    _script(tmp_path / "bin" / "dpkg", unpacked)
    for name in ("sh", "chmod", "mkdir"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    _only(monkeypatch, tmp_path / "bin")

    program = SystemPackages(tmp_path / "cache").find("ip")

    assert subprocess.run((str(program), "route"), capture_output=True, text=True, check=True).stdout == "ip route\n"


def test_a_program_that_a_script_starts_is_started_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    _script(tmp_path / "bin" / "apt-cache", "printf 'chromium-headless-shell\\n'")
    _script(tmp_path / "bin" / "dpkg-query", "true")
    _script(tmp_path / "bin" / "apt-get", f'echo "$@" >> {log}; : > chromium-headless-shell.deb')
    _script(
        tmp_path / "bin" / "dpkg",
        'mkdir -p "$3/usr/bin" "$3/usr/lib/chromium"; '
        "printf '#!/bin/sh\\necho behind a script\\n' > \"$3/usr/bin/chromium-headless-shell\"; "
        'printf \'#!/bin/sh\\necho "$1"\\n\' > "$3/usr/lib/chromium/chromium-headless-shell"; '
        'chmod 755 "$3/usr/bin/chromium-headless-shell" "$3/usr/lib/chromium/chromium-headless-shell"',
    )
    for name in ("sh", "chmod", "mkdir"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    _only(monkeypatch, tmp_path / "bin")

    program = SystemPackages(tmp_path / "cache").find("chromium-headless-shell")

    output = subprocess.run((str(program), "--version"), capture_output=True, text=True, check=True).stdout
    assert output == "--version\n"
    assert log.read_text() == "download chromium-headless-shell chromium-common\n"
