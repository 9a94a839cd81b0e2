from __future__ import annotations

import json
import socket
import threading
from http.client import HTTPConnection

import pytest

from simgan.errors import RunError
from simgan.turing.server import TuringServer


@pytest.fixture
def server(sitting):
    with TuringServer(sitting) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """Sends one request as the page would, but for what the test changes; gives status, headers and body."""

    def send(method, path, body=None, **headers):
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        origin = f"http://127.0.0.1:{server.server_port}"
        own = {"Content-Type": "application/json", "Origin": origin} if method == "POST" else {}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = json.dumps(body) if isinstance(body, dict | list) else body
        connection.request(method, path, sent, {name: value for name, value in own.items() if value is not None})
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, dict(reply.headers), content

    return send


ANSWER = {"test": "0001", "trial": 0, "answer": "real"}


def test_whole_test(ask):
    for trial in range(4):
        assert json.loads(ask("GET", "/state")[2])["next"] == trial
        assert ask("GET", f"/image/0001/trial/{trial}")[2] == b"png%d" % trial
        status, _, body = ask("POST", "/answer", {"test": "0001", "trial": trial, "answer": "refined"})
        assert status == 200
    assert json.loads(body)["result"]["table"] == [[0, 2], [0, 2]]
    assert json.loads(ask("POST", "/another", {"test": "0001"})[2])["test"] == "0002"


def test_same_trial_is_not_answered_twice(ask, server):
    assert ask("POST", "/answer", ANSWER)[0] == 200
    assert ask("POST", "/answer", ANSWER)[0] == 409
    assert server.sitting.state()["next"] == 1


def test_page_brings_all_it_needs_and_allows_nothing_else(ask):
    for path in ("/", "/page.js", "/page.css"):
        status, headers, content = ask("GET", path)
        assert status == 200
        assert b"http" not in content
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_headers_of_images_are_the_same_for_both_kinds(ask):
    headers = [ask("GET", f"/image/0001/trial/{trial}")[1] for trial in range(4)]
    assert all(header == headers[0] for header in headers)
    assert not {"Date", "Last-Modified", "ETag", "Server"} & set(headers[0])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/../pyproject.toml",
            "/page.py",
            "/server.py",
            "/%2e%2e/x",
            "/turing/",
            "/turing/0001.jsonl",
            "/page.js/",
        ),
        *("/image/", "/image/0001/trial/4", "/image/0001/trial/-1", "/image/0002/trial/0", "/image/0001/real/0"),
        *("/image/0001/trial/0/..", "/image/0001/trial/0?x", "/image/%31/trial/0", "/image/0001/trial/99999999999"),
    ],
)
def test_other_paths_are_no_pages(path, ask):
    assert ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}"]
)
def test_other_names_of_the_loopback_are_refused(host, ask, server):
    host = host.format(port=server.server_port)
    assert ask("GET", "/state", Host=host)[0] == 403
    assert ask("POST", "/answer", ANSWER, Host=host, Origin=f"http://{host}")[0] == 403
    assert server.sitting.state()["next"] == 0


def test_own_names_are_known(ask, server):
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert ask("GET", "/state", Host=f"{name}:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Content_Type": None}, 415),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "x"}, 411),
        ({"Content_Length": "1025"}, 413),
        ({"Content_Length": "9" * 5000}, 413),
        ({"Transfer_Encoding": "chunked"}, 411),
    ],
)
def test_posts_of_others_are_refused(headers, status, ask, server):
    assert ask("POST", "/answer", ANSWER, **headers)[0] == status
    assert server.sitting.state()["next"] == 0


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[" * 1000, "null", b"\xff", [], {}, {"test": 1}, ANSWER | {"trial": "0"}, ANSWER | {"trial": 0.0}),
        *(ANSWER | {"trial": False}, ANSWER | {"answer": "synthetic"}, ANSWER | {"answer": ["real"]}),
    ],
)
def test_bodies_that_are_no_answer_are_refused(body, ask, server):
    assert ask("POST", "/answer", body)[0] == 400
    assert server.sitting.state()["next"] == 0


def test_other_methods_and_paths_to_post_to_are_refused(ask):
    assert ask("DELETE", "/state")[0] == 501
    assert ask("POST", "/state", ANSWER)[0] == 400


def test_loopback_alone_is_listened_on_by_default(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/"


def test_port_in_use_is_one_line(sitting, only_line):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunError) as caught:
            TuringServer(sitting, port=port)
    assert f"127.0.0.1, {port}" in only_line(str(caught.value))


@pytest.mark.parametrize(("host", "port"), [("no.such.name.invalid", 0), ("127.0.0.1", 70000), ("127.0.0.1", -1)])
def test_addresses_that_are_none_are_one_line(host, port, sitting, only_line):
    with pytest.raises(RunError) as caught:
        TuringServer(sitting, host, port)
    assert only_line(str(caught.value)).startswith("host, port: ")
