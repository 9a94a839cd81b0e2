"""A finished run's test in a real browser: what `make test-browser` needs beside `make test`."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from simgan.eyes import render_eyes
from simgan.images import ImageSource, open_images
from simgan.turing.answers import AnswerFile, unfinished
from simgan.turing.pictures import Pictures, make_pictures
from simgan.turing.server import TuringServer
from simgan.turing.sitting import Sitting
from simgan.turing.trial import Form, Plan, draw_plan

_ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's browser."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield opened
        opened.close()


class Watched:
    """A browser window that notes each request and each complaint of the page."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", lambda message: self.complaints.append(message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def open(self, url: str) -> Page:
        """A new tab at `url`."""
        page = self.context.new_page()
        page.goto(url)
        return page


@pytest.fixture
def window(browser) -> Iterator[Callable[..., Watched]]:
    """Opens a window; at the end of the test none has asked anyone else than the loopback, or complained."""
    windows = []

    def make(width: int = 1000, height: int = 800, **options) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(10_000)
        windows.append(Watched(context))
        return windows[-1]

    yield make
    for opened in windows:
        assert opened.requests
        assert all(url.startswith("http://127.0.0.1:") for url in opened.requests), opened.requests
        assert opened.complaints == []
        opened.context.close()


@pytest.fixture(scope="session")
def sets(tmp_path_factory) -> Iterator[tuple[ImageSource, ImageSource]]:
    """70 rendered eyes of either kind."""
    folder = tmp_path_factory.mktemp("sets")
    for domain in ("synthetic", "camera"):
        np.save(folder / f"{domain}.npy", render_eyes(70, domain=domain, seed=0).images)
    with ExitStack() as stack:
        yield tuple(stack.enter_context(open_images(folder / f"{domain}.npy")) for domain in ("synthetic", "camera"))


class Taken(TuringServer):
    """A server that knows, for the test, what the page must not."""

    plan: Plan


@pytest.fixture
def serve(sets, tmp_path) -> Callable[..., object]:
    """Serves a test of `trials` images, the unfinished one if there is one; R is the identity."""

    @contextmanager
    def run(trials: int = 6, form: Form = "blind") -> Iterator[Taken]:
        def pictures(plan: Plan) -> Pictures:
            return make_pictures(plan, *sets, (35, 55), lambda images: images)

        def begin() -> tuple[AnswerFile, Pictures]:
            plan = draw_plan(synthetic_count=70, real_count=70, trials=trials, form=form, seed=7, date="2026-01-01")
            return AnswerFile.create(tmp_path, plan), pictures(plan)

        begun = unfinished(tmp_path, form, trials)
        sitting = Sitting((begun, pictures(begun.plan)) if begun else begin(), begin)
        with Taken(sitting) as server:
            first = (tmp_path / "turing" / f"{sitting.state()['test']}.jsonl").read_text("utf-8").splitlines()[0]
            server.plan = Plan.model_validate_json(first)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()
                sitting.close()

    return run


@pytest.fixture
def picture_of(tmp_path_factory) -> Callable[[Page, str], None]:
    """Saves what a page looks like in a folder of this test run, for people."""
    folder: Path = tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(exist_ok=True)

    def save(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    return save
