"""The files of the page: size, names and contents."""

from __future__ import annotations

import gzip
import re

import pytest

from gitops_agent.server.web.assets import page

BUDGET = 45_000
OWN_BYTES = 60_000
FIRST_SCREEN = ("page.css", "page.js", "icons.svg")


def named(name: str) -> bytes:
    return next(asset.body for path, asset in page().assets.items() if path.endswith(f"/{name}"))


def test_the_first_screen_fits_its_budget() -> None:
    files = [page().document, *(asset for path, asset in page().assets.items() if path.rpartition("/")[2] in FIRST_SCREEN)]

    assert len(files) == len(FIRST_SCREEN) + 1
    assert sum(len(asset.compressed) for asset in files) <= BUDGET


def test_what_the_first_screen_runs_of_our_own_fits_its_budget() -> None:
    modules = re.split(r"(?=export const \$)", named("page.js").decode())

    assert sum(len(module) for module in modules if module.startswith("export const $page_")) <= OWN_BYTES


def test_every_reference_of_the_document_is_shipped() -> None:
    references = re.findall(r'(?:src|href)="([^"#]+)', page().document.body.decode())

    assert len(references) == 3
    assert set(references) <= set(page().assets)


def test_only_the_document_is_asked_for_again() -> None:
    assert page().document.cache_control == "no-cache"
    assert {asset.cache_control for asset in page().assets.values()} == {"public, max-age=31536000, immutable"}


def test_a_compressed_file_is_the_file() -> None:
    for asset in (page().document, *page().assets.values()):
        assert gzip.decompress(asset.compressed) == asset.body
        assert re.fullmatch(r'"[0-9a-f]{16}"', asset.etag)


@pytest.mark.parametrize("name", ["page.js", "details.js", "german.js"])
def test_no_text_becomes_markup_or_code(name: str) -> None:
    text = named(name).decode()

    # Preact knows the property under which markup is given as text; nothing of the page uses it.
    own = re.sub(r"export const \$vendor_\w+=.*?\}\)\(\);", "", text, flags=re.DOTALL)
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "javascript:"):
        assert forbidden not in own, forbidden


def test_the_document_holds_no_script_and_no_style_of_its_own() -> None:
    document = page().document.body.decode()

    assert re.findall(r"<script(?![^>]* src=)", document) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", document) == []


def test_no_address_of_another_host_is_loaded() -> None:
    for path, asset in page().assets.items():
        assert re.findall(r"https?://(?!www\.w3\.org/)[a-z]", asset.body.decode()) == [], path
