import json

import pytest

from tests.patterns.clustered import clustered, templates


def java(head: str, error: str, line: int, *, method: str = "add") -> str:
    return (
        f"{head}\njava.lang.IllegalStateException: {error}\n"
        f"\tat com.shop.Cart.{method}(Cart.java:{line})\n"
        f"\tat com.shop.Api$Handler.lambda$run$0(Api.java:{line + 3})\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:829)\n"
        "Caused by: java.io.IOException: Broken pipe\n"
        "\tat sun.nio.ch.FileDispatcherImpl.write0(Native Method)\n"
        "\t... 12 more"
    )


def python(head: str, error: str, line: int, *, method: str = "do") -> str:
    return (
        f'{head}\nTraceback (most recent call last):\n  File "/srv/app/views.py", line {line}, in handle\n'
        f'    result = do(x)\n  File "/srv/app/do.py", line {line + 7}, in {method}\n    raise ValueError(x)\n'
        f"ValueError: {error}"
    )


def go(head: str, error: str, line: int, *, method: str = "handle") -> str:
    return (
        f"{head}\npanic: {error}\n\ngoroutine {line} [running]:\nmain.(*Server).{method}(0xc0000{line}, 0x{line})\n"
        f"\t/home/me/main.go:{line} +0x1d\nnet/http.HandlerFunc.ServeHTTP(0x12, {{0x5, 0x{line}}})\n"
        "\t/usr/local/go/src/net/http/server.go:2136 +0x29\ncreated by main.main in goroutine 1\n"
        "\t/home/me/main.go:12 +0x45"
    )


def node(head: str, error: str, line: int, *, method: str = "getUser") -> str:
    return (
        f"{head}\nTypeError: {error}\n    at {method} (/app/src/users.js:{line}:15)\n"
        "    at async Router.handle (/app/node_modules/express/router.js:22:3)\n"
        f"    at /app/src/index.js:{line}:7\n"
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"
    )


@pytest.mark.parametrize("trace", [java, python, go, node])
class TestStackTraces:
    def test_text_and_line_numbers_do_not_split(self, trace: object) -> None:
        assert callable(trace)
        messages = [
            trace("request 12 of user ada failed", "cart is full", 10),
            trace("request of kim failed: retrying, (3 left)", "no such item", 99),
            trace("oops", "x", 5),
        ]
        assert len(clustered(messages)) == 1

    def test_the_function_tells_them_apart(self, trace: object) -> None:
        assert callable(trace)
        assert len(clustered([trace("oops", "x", 5), trace("oops", "x", 5, method="remove")])) == 2

    def test_the_template_shows_frames_and_what_heads_share(self, trace: object) -> None:
        assert callable(trace)
        messages = [trace("request failed for ada", "x is bad", 10), trace("request failed for kim lou", "x is bad", 7)]
        (template,) = templates(messages)
        assert template.startswith("request failed for <*>\n")
        assert "x is bad" in template
        assert any(name in template for name in ("Cart.add", "in do", ".handle", "getUser"))


def test_the_kind_of_error_tells_traces_apart() -> None:
    one, other = java("oops", "x", 5), java("oops", "x", 5).replace("IllegalStateException", "RuntimeException")
    assert len(clustered([one, other])) == 2


def test_two_lines_are_no_trace() -> None:
    assert len(clustered(["first\nsecond thing", "first\nthird thing"])) == 2


def test_what_follows_the_first_lines_does_not_split() -> None:
    rows = [f"dump of the table\nrow\nrow\nend of head\n{rest}" for rest in ("a b\nc", "d", "e\nf\ng h i")]
    assert len(clustered(rows)) == 1


def test_the_message_of_a_json_body_tells() -> None:
    def body(level: str, message: str, user: str, number: int) -> str:
        return json.dumps({"level": level, "msg": message, "user": user, "n": number})

    found = clustered(
        [
            body("info", "user logged in", "ada", 1),
            body("debug", "user logged in", "ada lovelace", 22),
            body("info", "user logged out", "ada", 3),
        ]
    )
    assert len(found) == 2
    assert '{"level": "<*>", "msg": "user logged in", "user": "<*>", "n": <num>}' in found


def test_keys_tell_json_bodies_apart_when_nothing_else_does() -> None:
    assert templates(['{"a":1,"b":"x y"}', '{"a":2,"b":"z"}', '{"c":1}']) == {'{"a":<num>,"b":"<*>"}', '{"c":<num>}'}


def test_a_json_body_after_a_prefix_is_one() -> None:
    lines = ['2026-01-01T00:00:00Z stdout F {"msg":"synced it","pod":"web-7f9c-xkz"}'.replace("synced", word)
             for word in ("synced", "lost")]  # fmt: skip
    assert len(clustered(lines)) == 2


def test_values_of_key_value_bodies_are_variables() -> None:
    found = templates(
        [
            'level=info msg="request done" path=/x status=200 took=5ms shop=ada',
            'level=warn msg="request done" path=/x/y status=500 took=1.5s shop=kim',
            'level=warn msg="request lost" path=/x/y status=500 took=1.5s shop=kim',
        ]
    )
    assert found == {
        'level=<*> msg="request done" path=<path> status=<num> took=<duration> shop=<*>',
        'level=warn msg="request lost" path=<path> status=<num> took=<duration> shop=kim',
    }


def test_a_dictionary_inside_a_message_is_one_value() -> None:
    assert len(templates(["got {'a': 1, 'b': [1, 2]} back", "got {'c': 'x', 'd': {'e': 'y'}} back"])) == 1


def test_lists_of_any_length_are_one_value() -> None:
    assert templates(["stops=[rome, oslo, bonn] ok", "stops=[rome, kyiv] ok"]) == {"stops=[<*>] ok"}


def test_a_line_with_a_prefix_inside_json_keeps_its_words() -> None:
    def line(text: str, second: int) -> str:
        return json.dumps({"log": f"16:42:{second} INFO shop.Cart TraceID: ffc8ca7e {text}\n", "stream": "stdout"})

    found = clustered([line("cart of ada stored", 22), line("cart of ada stored", 23), line("payment was refused", 24)])
    assert len(found) == 2


def test_user_agents_do_not_split_an_access_log() -> None:
    agents = ["Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "curl/8.1", "Go-http-client/2.0 (a; b, c)"]
    lines = [
        f'10.0.0.{n} - - [10/Oct/2023:13:55:3{n} +0000] "GET /shop/{n}?page={n} HTTP/1.1" 200 {n}7 "-" "{agent}"'
        for n, agent in enumerate(agents)
    ]
    assert len(clustered(lines)) == 1
