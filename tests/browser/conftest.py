"""A headless Chromium that looks at sites from files; tests are skipped, saying so, where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.entry import main
from tests import boards

QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,850")


def start(*, script: bool = True) -> Any:
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium; install the extra dev")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium and chromedriver on PATH; run .ci/browser")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in QUIET:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    browser = start()
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The one browser, at desktop size and in light mode; a test fails if its pages say anything on the console."""
    screen(chromium, 1280, 850)
    yield chromium
    said = chromium.get_log("browser")
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.get("about:blank")
    assert said == []


def screen(browser: Any, width: int, height: int, *, dark: bool = False) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Builds a site with a private cache: `sites(name, results, *options)`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALKIT_CACHE", str(tmp_path_factory.mktemp("cache")))

        def build(name: str, results: Path, *options: str) -> Path:
            out = tmp_path_factory.mktemp(name) / "site"
            assert main(["leaderboard", str(results), "--out", str(out), *options]) == 0
            return out

        yield build


@pytest.fixture(scope="session")
def site(sites: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card's site over runs with harmful replies."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "tiny.yaml").write_text(boards.CARD)
    results = boards.hostile(folder)
    return sites("card", results, "--card", str(folder / "tiny.yaml"), "--licence-note", "Pictures: <i>CC BY</i>")
