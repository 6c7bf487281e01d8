from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render import disk_cache
from gitops_agent.render.disk_cache import RenderCache, digest_of
from gitops_agent.render.renderer import Format, Rendered
from gitops_agent.render.variables.variable import Variable
from gitops_agent.revision.tree import Closure

SHOP, DESK = AppKey("gitops-system", "shop"), AppKey("gitops-system", "desk")


def config_map(name: str, kind: str = "ConfigMap") -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "data": {"größe": "1"}}


def made(*objects: Object, form: Format = Format.KUSTOMIZE) -> Rendered:
    manifests = tuple(Manifest.of(obj, file="app/kustomization.yaml", document=n) for n, obj in enumerate(objects))
    return Rendered(
        manifests=manifests,
        closure=Closure(entries=frozenset({("app/kustomization.yaml", "a" * 40), ("app/Kustomization", None)})),
        warnings=("mind the gap",),
        format=form,
        tools=(("kustomize", "5.8.2"),),
        digest=digest_of(manifests),
    )


@pytest.fixture
def kept(tmp_path: Path) -> RenderCache:
    return RenderCache(tmp_path / "rendered")


def test_a_render_comes_back_whole(kept: RenderCache, tmp_path: Path) -> None:
    rendered = made(config_map("one"), config_map("two"))
    kept.put(SHOP, "k1", rendered)

    assert RenderCache(tmp_path / "rendered").take(SHOP, "k1") == rendered


def test_another_key_or_application_finds_nothing(kept: RenderCache) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))

    assert kept.take(SHOP, "k2") is None
    assert kept.take(DESK, "k1") is None


def test_another_version_of_the_agent_renders_anew(kept: RenderCache, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))
    monkeypatch.setattr(disk_cache, "__version__", "999")

    assert kept.take(SHOP, "k1") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": 1}', b"\xff\xfe"])
def test_a_damaged_file_is_no_render(kept: RenderCache, tmp_path: Path, damage: bytes) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))
    next((tmp_path / "rendered").iterdir()).write_bytes(damage)

    assert kept.take(SHOP, "k1") is None


def test_objects_that_are_not_those_that_were_rendered_are_no_render(kept: RenderCache, tmp_path: Path) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))
    file = next((tmp_path / "rendered").iterdir())
    file.write_bytes(file.read_bytes().replace(b'"1"', b'"2"'))

    assert kept.take(SHOP, "k1") is None


def test_what_holds_a_secret_is_never_written_and_replaces_what_was(kept: RenderCache, tmp_path: Path) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))
    kept.put(SHOP, "k1", made(config_map("one"), config_map("pin", kind="Secret")))

    assert kept.take(SHOP, "k1") is None
    assert list((tmp_path / "rendered").iterdir()) == []


def test_plain_files_are_read_again(kept: RenderCache) -> None:
    kept.put(SHOP, "k1", made(config_map("one"), form=Format.PLAIN))

    assert kept.take(SHOP, "k1") is None


def test_only_its_owner_can_read_it(kept: RenderCache, tmp_path: Path) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))

    folder = tmp_path / "rendered"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(next(folder.iterdir()).stat().st_mode) == 0o600


def test_what_is_dropped_is_gone_and_dropping_nothing_is_fine(kept: RenderCache) -> None:
    kept.put(SHOP, "k1", made(config_map("one")))
    kept.drop(SHOP)
    kept.drop(SHOP)

    assert kept.take(SHOP, "k1") is None


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = RenderCache(tmp_path / "file" / "rendered")

    blocked.put(SHOP, "k1", made(config_map("one")))

    assert blocked.take(SHOP, "k1") is None


def used(names: tuple[str, ...], **values: str) -> tuple[Rendered, list[Variable]]:
    variables = [
        Variable(name=name, value=value, source="ConfigMap site", secret=name == "PASSWORD") for name, value in values.items()
    ]
    return replace(made(config_map("one")), variables=names), variables


def test_a_render_is_kept_with_the_values_it_used(kept: RenderCache) -> None:
    rendered, variables = used(("CITY",), CITY="Bonn", SIZE="1")
    kept.put(SHOP, "k1", rendered, variables)

    assert kept.take(SHOP, "k1", used((), CITY="Bonn", SIZE="2")[1]) == rendered
    assert kept.take(SHOP, "k1", used((), CITY="Kiel", SIZE="1")[1]) is None
    assert kept.take(SHOP, "k1") is None


def test_a_render_that_used_the_value_of_a_secret_is_not_written(kept: RenderCache, tmp_path: Path) -> None:
    kept.put(SHOP, "k1", *used(("CITY",), CITY="Bonn"))
    rendered, variables = used(("PASSWORD",), PASSWORD="hunter22")
    kept.put(SHOP, "k1", rendered, variables)

    assert kept.take(SHOP, "k1", variables) is None
    assert list((tmp_path / "rendered").iterdir()) == []
