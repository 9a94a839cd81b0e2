"""The page of `simgan turing` as a person meets it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from simgan.turing import read_turing

KEYS = {"real": "ArrowLeft", "refined": "ArrowRight"}
LETTERS = {"real": "r", "refined": "f"}


def waits_for(page: Page, number: int, trials: int = 6) -> None:
    """The page shows trial `number`, from 1, and takes an answer."""
    expect(page.locator("#status")).to_have_text(f"{number} of {trials}")
    expect(page.locator("#real")).to_be_enabled()


def cells(page: Page) -> list[str]:
    return page.locator("#result td").all_text_contents()


def test_all_right_by_keyboard(window, serve, tmp_path, picture_of):
    with serve() as server:
        page = window().open(server.url)
        for number, trial in enumerate(server.plan.trials, 1):
            waits_for(page, number)
            picture_of(page, "trial")
            page.keyboard.press((KEYS if number % 2 else LETTERS)[trial.kind])
        expect(page.locator("#verdict")).to_contain_text("Told apart")
        expect(page.locator("#verdict")).to_be_focused()
        # Two-sided, six of six: 2 / 64. Clopper and Pearson: 0.025^(1/6) = 0.541.
        expect(page.locator("#accuracy")).to_have_text("6 of 6 right: 100 % (95 % interval 54 % to 100 %), p = 0.031.")
        assert cells(page) == ["3", "0", "0", "3"]
        picture_of(page, "result")
    assert [result.correct for result in read_turing(tmp_path)] == [6]


def test_all_real_by_mouse_and_another_test(window, serve):
    with serve() as server:
        page = window().open(server.url)
        for number in range(1, 7):
            waits_for(page, number)
            page.locator("#real").click()
        expect(page.locator("#verdict")).to_contain_text("Cannot be told apart")
        assert cells(page) == ["3", "0", "3", "0"]
        page.get_by_role("button", name="Start another test").click()
        waits_for(page, 1)
        assert page.locator("#frame img").get_attribute("src") == "/image/0002/trial/0"


def test_sheets_come_first_and_stay_at_hand(window, serve, picture_of):
    with serve(form="sheets") as server:
        page = window().open(server.url)
        for kind in KEYS:
            expect(page.locator(f"#sheet-{kind} img")).to_have_count(50)
        page.wait_for_load_state("networkidle")
        picture_of(page, "sheets")
        page.keyboard.press("ArrowLeft")  # says nothing yet
        assert server.sitting.state()["next"] == 0
        page.get_by_role("button", name="Begin").click()
        waits_for(page, 1)
        expect(page.locator("#sheet-real")).not_to_be_visible()
        page.get_by_text("Examples", exact=True).click()
        expect(page.locator("#sheet-real")).to_be_visible()
        picture_of(page, "trial-with-examples")
        for number, trial in enumerate(server.plan.trials, 1):
            waits_for(page, number)
            page.keyboard.press(KEYS[trial.kind])
        expect(page.locator("#verdict")).to_contain_text("Told apart")


def test_closed_tab_goes_on_where_it_was(window, serve):
    with serve() as server:
        opened = window()
        page = opened.open(server.url)
        for number in (1, 2):
            waits_for(page, number)
            page.keyboard.press("f")
        waits_for(page, 3)
        page.close()
        waits_for(opened.open(server.url), 3)


def test_server_that_was_ended_goes_on_where_it_was(window, serve):
    with serve() as server:
        page = window().open(server.url)
        waits_for(page, 1)
        page.keyboard.press("r")
        waits_for(page, 2)
        page.close()
    with serve() as server:
        waits_for(window().open(server.url), 2)


def test_keys_struck_fast_answer_only_images_that_were_shown(window, serve):
    with serve() as server:
        page = window().open(server.url)
        waits_for(page, 1)
        page.evaluate(
            """() => { for (let n = 0; n < 5; n++) {
                document.dispatchEvent(new KeyboardEvent("keydown", {key: "r"}));
                document.getElementById("refined").click();
            } }"""
        )
        waits_for(page, 2)
        page.evaluate("""() => document.dispatchEvent(new KeyboardEvent("keydown", {key: "r", repeat: true}))""")
        page.locator("#real").dblclick()
        waits_for(page, 3)
        assert server.sitting.result().answered == 2


def test_slow_tab_behind_another_catches_up(window, serve):
    with serve() as server:
        opened = window()
        first, second = opened.open(server.url), opened.open(server.url)
        for page in (first, second):
            waits_for(page, 1)
        first.keyboard.press("r")
        waits_for(first, 2)
        second.keyboard.press("f")
        waits_for(second, 2)
        assert server.sitting.result().answered == 1
        # The browser itself notes the refusal.
        assert all("409" in text for text in opened.complaints)
        opened.complaints.clear()


def test_nothing_on_the_page_tells_which_is_which(window, serve):
    with serve() as server:
        page = window().open(server.url)
        shown = []
        for number in range(1, 7):
            waits_for(page, number)
            shown.append(page.locator("#frame").inner_html().replace(str(number - 1), "N").replace(str(number), "M"))
            box = page.locator("#frame img").bounding_box()
            shown.append((box["width"], box["height"]))
            assert (
                page.locator("#frame img").evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
            )
            page.keyboard.press("r")
        assert len(set(shown[1::2])) == 1
        assert all("real" not in html and "refined" not in html for html in shown[::2])


def test_tab_and_enter_keep_their_place_and_a_held_key_is_one_answer(window, serve):
    with serve() as server:
        page = window().open(server.url)
        waits_for(page, 1)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator("#refined")).to_be_focused()
        page.keyboard.down("Enter")
        waits_for(page, 2)
        page.keyboard.down("Enter")  # repeats
        page.keyboard.up("Enter")
        waits_for(page, 2)
        expect(page.locator("#refined")).to_be_focused()
        page.keyboard.press("Enter")
        waits_for(page, 3)
        assert server.sitting.result().answered == 2


def test_phone(window, serve, picture_of):
    with serve(form="sheets") as server:
        page = window(width=360, height=640, has_touch=True, is_mobile=True).open(server.url)
        page.wait_for_load_state("networkidle")
        picture_of(page, "phone-sheets")
        page.locator("#begin").tap()
        for number in range(1, 7):
            waits_for(page, number)
            for name in ("real", "refined"):  # in reach without scrolling, and large enough for a thumb
                box = page.locator(f"#{name}").bounding_box()
                assert box["y"] + box["height"] <= 640
                assert box["height"] >= 44
            picture_of(page, "phone-trial")
            page.locator("#refined").tap()
        expect(page.locator("#verdict")).to_be_visible()
        picture_of(page, "phone-result")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_server_that_is_gone_is_told(window, serve):
    with serve() as server:
        opened = window()
        page = opened.open(server.url)
        waits_for(page, 1)
        page.route("**/answer", lambda route: route.abort())
        page.keyboard.press("r")
        expect(page.locator("#status")).to_contain_text("Reload this page to go on")
        page.unroute("**/answer")
        page.reload()
        waits_for(page, 1)
        opened.complaints.clear()  # the browser's own, of the request that failed
