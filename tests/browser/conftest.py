"""A headless Chromium, the system's, and pictures of what it shows. SPACE_SQL_SCREENSHOTS=1 keeps those of the docs."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

IMAGES = Path(__file__).parents[2] / "docs/images"
PATIENCE = 120_000
"""Milliseconds for which a condition is waited for: a busy machine is no failure."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright; see `make help`")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shoot() -> Callable[[Any, str], None]:
    """Keep a picture of a page for the docs, small, when asked to."""

    def shot(page: Any, name: str) -> None:
        if not os.environ.get("SPACE_SQL_SCREENSHOTS"):
            return
        from PIL import Image

        page.evaluate("() => document.fonts.ready.then(() => true)")
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
        IMAGES.mkdir(exist_ok=True)
        path = IMAGES / f"{name}.png"
        picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size < 200_000

    return shot
