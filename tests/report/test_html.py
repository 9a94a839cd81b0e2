from simgan.report import html


def test_every_text_is_escaped():
    evil = '<b a="x">&'
    safe = "&lt;b a=&quot;x&quot;&gt;&amp;"
    made = [
        html.page(evil, []),
        html.section(evil, "x"),
        html.box("verdict", [evil]),
        html.note(evil),
        html.table([evil], [[evil]]),
        html.picture(b"", evil),
        html.code(evil),
    ]
    assert all(safe in text and evil not in text for text in made)


def test_what_holds_nothing_is_not_there():
    assert html.section("title", "", "") == html.box("warnings", []) == html.grid([]) == ""
