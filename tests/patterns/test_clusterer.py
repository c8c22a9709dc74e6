import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patterns.clustered import clustered, shape_texts, templates
from tocsin.patterns.clustering import clusterer as module
from tocsin.patterns.clustering.cluster import Cluster
from tocsin.patterns.clustering.clusterer import PatternClusterer
from tocsin.patterns.clustering.templates import plain
from tocsin.patterns.contracts import ShapeText

NAMES = ["user", "ada", "bob", "eve", "host", "db1", "web-7", "10.0.0.7", "[x]", "opened", "closed", "failed", "NEW"]
WORDS = st.sampled_from(
    [*NAMES, *"=:,()", "17", "3.5s", "/srv/app.log", "true", "\n", "OLD", "a.b.c", "x=1", "name='ada'"]
)
MESSAGES = st.lists(WORDS, min_size=1, max_size=7).map(" ".join)


@given(st.lists(MESSAGES, max_size=30), st.randoms(use_true_random=False), st.integers(1, 4))
def test_clusters_depend_on_the_set_of_shapes_alone(messages: list[str], order: random.Random, batches: int) -> None:
    texts = list({each.shape: each for each in shape_texts(messages)}.values())
    expected = PatternClusterer()
    expected.add(texts)
    shuffled = order.sample(texts, len(texts))
    online = PatternClusterer()
    for batch in range(batches):
        online.add(shuffled[batch::batches])
        online.clusters()
        online.add(shuffled[batch::batches])
    assert online.clusters() == expected.clusters()


@given(st.lists(MESSAGES, max_size=30))
def test_every_shape_is_in_one_cluster(messages: list[str]) -> None:
    texts = shape_texts(messages)
    clusterer = PatternClusterer()
    clusterer.add(texts)
    found = [shape for cluster in clusterer.clusters() for shape in cluster.shapes]
    assert sorted(found) == sorted({each.shape for each in texts})


@given(st.text(max_size=200))
def test_any_text_has_a_template(message: str) -> None:
    assert len(clustered([message])) == 1


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["took 17 ms", "took 3 ms"], {"took <num> ms"}),
        (["from 10.0.0.1 to 10.0.0.2:80"], {"from <ip> to <ip>"}),
        (["id 550e8400-e29b-41d4-a716-446655440000"], {"id <uuid>"}),
        (["mail ada@example.com about https://shop.example/x"], {"mail <email> about <url>"}),
        (["open /var/log/syslog", "open ~/notes.txt"], {"open <path>"}),
        (["at 2026-11-21T10:00:00Z up", "at 2026-11-22 up"], {"at <time> up"}),
        (["2026-11-21 10:00:00.123 17 INFO up"], {"<time> <num> INFO up"}),
        (["since Sun Jul 10 03:55:15 2005 up"], {"since <time> up"}),
        (["waited 5ms", "waited 1.5s"], {"waited <duration>"}),
        (["read 5 KB at once", "read 17 MB at once"], {"read <size> at once"}),
        (["is it true ?", "is it false ?"], {"is it <bool> ?"}),
        (["flags 0x1F deadbee5 now"], {"flags <hex> <hex> now"}),
        (["got -17 from there", "got 10.0.0.1 from there"], {"got <*> from there"}),
        (["mac 00:1b:44:11:3a:b7"], {"mac <mac>"}),
    ],
)
def test_wildcards_say_what_all_values_are(messages: list[str], expected: set[str]) -> None:
    assert templates(messages) == expected


def test_plain_has_one_wildcard_only() -> None:
    assert plain("<ip>:<num> <b> said <*>, <uuid>") == "<*>:<*> <b> said <*>, <*>"


def test_a_column_of_names_is_a_variable() -> None:
    names = ["ada", "bob", "eve", "kim", "lou"]
    assert templates(f"cache of {name} is cold" for name in names) == {"cache of <*> is cold"}


def test_two_words_are_no_variable_but_after_user_they_are() -> None:
    assert len(templates(["cache of ada is cold", "cache of bob is cold"])) == 2
    assert templates(["session opened for user ada now", "session opened for user bob now"]) == {
        "session opened for user <*> now"
    }


def test_what_happens_is_no_variable() -> None:
    events = ["Started", "Paused", "Resumed", "Stopped", "Suspended"]
    assert len(templates(f"VM {event} by the scheduler" for event in events)) == len(events)
    assert len(templates(["link up on eth0", "link down on eth0"])) == 2


def test_states_in_two_columns_are_variables() -> None:
    states = [("NEW", "READY"), ("READY", "RUNNING"), ("RUNNING", "DONE"), ("DONE", "GONE")]
    assert templates(f"task moved from {one} to {other}" for one, other in states) == {"task moved from <*> to <*>"}


def test_identifiers_in_two_columns_are_variables() -> None:
    pairs = [("a.b.First", "x.y.Second"), ("a.b.Third", "x.y.Fourth")]
    assert templates(f"class {one} serves class {other}" for one, other in pairs) == {"class <*> serves class <*>"}


def test_a_key_is_no_variable_and_its_value_is() -> None:
    assert templates(["size=big", "color=big", "mode=big"]) == {"size=big", "color=big", "mode=big"}
    assert templates(["size=big now", "size=small now"]) == {"size=<*> now"}


def test_a_rare_outlier_does_not_split_a_group() -> None:
    usual = [f"cache of {name} is cold" for name in ("ada", "bob", "eve", "kim", "lou")]
    found = clustered([*usual, "cache of user-77 is cold", "cache of x.y.z is cold"])
    assert set(found) == {"cache of <*> is cold"}


def test_units_and_marks_do_not_split_a_group() -> None:
    assert templates(["lifetime <1 sec", "lifetime 00:03", "lifetime 12"]) == {"lifetime <*>"}


def test_parts_of_a_run_are_shown_when_all_agree() -> None:
    assert templates(["at 1, 2 - 3 now", "at 4, 5 - 6 now"]) == {"at <num>, <num> - <num> now"}
    assert templates(["at 1, 2 - 3 now", "at 4 5 now"]) == {"at <*> now"}


def test_names_before_a_scope_stay() -> None:
    assert templates(["Driver43x::start done 5"]) == {"Driver43x::start done <num>"}


def test_a_bucket_that_grows_too_large_collapses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTLINES_PER_BUCKET", 5)
    nouns = ["one", "two", "six", "ten", "red", "tan", "sky", "sea"]
    messages = [f"{noun} of {other}" for noun in nouns[:3] for other in nouns]
    found = clustered(messages)
    assert set(found) == {"one of <*>", "two of <*>", "six of <*>"}
    assert found["one of <*>"] == {message for message in messages if message.startswith("one ")}


def test_a_collapsed_bucket_does_not_depend_on_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTLINES_PER_BUCKET", 3)
    monkeypatch.setattr("tocsin.patterns.clustering.collapsed.MAX_FIRST_WORDS", 4)
    texts = shape_texts([f"{a} of {b}" for a in ("p", "q", "r", "s", "t", "u") for b in ("v", "w")])

    def found(order: list[ShapeText]) -> list[Cluster]:
        clusterer = PatternClusterer()
        for text in order:
            clusterer.add([text])
        return clusterer.clusters()

    assert found(texts) == found(texts[::-1]) == found(texts[::2] + texts[1::2])
    assert [cluster.template for cluster in found(texts)] == ["<*> of <*>"]


def test_a_long_text_ends_in_a_wildcard() -> None:
    (template,) = templates(["begin " + "word " * 5_000])
    assert template.endswith("<*>")
    assert len(template) < 2_100
    assert len(templates(["begin " + "word " * 5_000, "begin " + "word " * 5_000 + "end"])) == 1


def test_values_of_several_words_and_none_join_where_one_word_varies() -> None:
    names = ["ada", "bob", "eve", "kim", "lou"]
    usual = [f"invalid login of {name} from 10.0.0.1" for name in names]
    found = clustered([*usual, "invalid login of ada lovelace from 10.0.0.1", "invalid login of  from 10.0.0.1"])
    assert set(found) == {"invalid login of <*> from <ip>"}


def test_several_words_do_not_join_on_thin_evidence() -> None:
    usual = [f"cache of {name} is cold" for name in ("ada", "bob")]
    assert len(templates([*usual, "cache of ada lovelace is cold"])) == 3


def test_words_that_say_what_happens_are_no_part_of_a_value() -> None:
    names = ["ada", "bob", "eve", "kim", "lou"]
    found = templates(
        [f"password given for {name} from shop" for name in names]
        + [f"password given for unknown {name} from shop" for name in names]
    )
    assert found == {"password given for <*> from shop", "password given for unknown <*> from shop"}


def test_quoted_words_are_values_where_they_look_like_it_or_a_key_says_so() -> None:
    assert len(templates(["service 'cart' is up", "service 'shop' is up"])) == 2
    assert templates(["service 'cart/1' is up", "service 'shop/2' is up"]) == {"service '<*>' is up"}
    assert templates(["service='cart' is up", "service='shop' is up"]) == {"service='<*>' is up"}
