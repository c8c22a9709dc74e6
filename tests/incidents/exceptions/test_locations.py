"""Source files are suspected by what the tracebacks of a trouble, and who logged what, say."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.incidents.exceptions.locations import LoggedTraceback, NamedModule, own_packages, rank_locations
from tocsin.incidents.exceptions.tracebacks import Frame, Traceback

SHOP = frozenset({"shop"})

Call = tuple[str, str, str]


def logged(
    *calls: Call, error: str = "ValueError: no", service: str = "shop", logger: str = "root", at: int = 0, past: int = 0
) -> LoggedTraceback:
    frames = tuple(
        Frame(file=file, function=function, source=source, is_installed=not file.startswith("/"))
        for file, function, source in calls
    )
    return LoggedTraceback(
        service=service,
        logger=logger,
        time_unix_nano=at,
        traceback=Traceback(frames=frames, error=error),
        past_windows=past,
    )


def files(
    tracebacks: Sequence[LoggedTraceback], modules: Sequence[NamedModule] = (), packages: frozenset[str] = SHOP
) -> list[str]:
    return [location.file for location in rank_locations(tracebacks, modules, packages=packages)]


API: Call = ("shop/api.py", "pay", "bank.charge(card)")
BANK: Call = ("shop/bank.py", "charge", "raise ValueError('no')")
LIBRARY: Call = ("requests/api.py", "get", "return request('get', url)")


def test_the_deepest_own_frame_comes_first_whatever_libraries_it_called() -> None:
    assert files([logged(API, BANK, LIBRARY)]) == ["shop/bank.py", "shop/api.py"]


def test_code_outside_of_folders_of_packages_is_own_but_not_the_standard_library() -> None:
    calls: list[Call] = [("/app/main.py", "run", "go()"), ("/usr/lib64/python3.12/json/decoder.py", "decode", "raise")]
    assert files([logged(*calls, ("<string>", "f", ""))], packages=frozenset()) == ["/app/main.py"]


@pytest.mark.parametrize(
    "wrapper", [("shop/db.py", "wrapped", "x = 1"), ("shop/db.py", "retry", "return f(*args, **kwargs)")]
)
def test_wrappers_are_hardly_suspected(wrapper: Call) -> None:
    assert files([logged(API, wrapper)]) == ["shop/api.py", "shop/db.py"]


def test_who_passes_a_missing_value_is_suspected_before_who_is_given_it() -> None:
    calls: list[Call] = [("shop/api.py", "pay", "bank.charge(card)"), ("shop/bank.py", "charge", "return card.number")]
    error = "AttributeError: 'NoneType' object has no attribute 'number'"
    assert files([logged(*calls, error=error)])[0] == "shop/api.py"
    assert files([logged(*calls, error="ValueError: no number")])[0] == "shop/bank.py"


@pytest.mark.parametrize("source", ["return account.number", "(first, second) = self.find(card)"])
def test_who_meets_a_missing_value_of_its_own_is_suspected(source: str) -> None:
    error = "AttributeError: 'NoneType' object has no attribute 'number'"
    calls: list[Call] = [("shop/api.py", "pay", "bank.charge(card)"), ("shop/bank.py", "charge", source)]
    assert files([logged(*calls, error=error)])[0] == "shop/bank.py"


def test_what_the_past_had_too_is_suspected_less() -> None:
    old = logged(("shop/old.py", "poll", "poll()"), past=9)
    assert files([old, logged(API)]) == ["shop/api.py", "shop/old.py"]


def test_the_service_that_failed_first_comes_first() -> None:
    first, second = logged(("bank/a.py", "f", ""), service="bank", at=1), logged(API, at=2)
    locations = rank_locations([second, first], packages=frozenset({"shop", "bank"}))
    assert [(location.file, location.service) for location in locations] == [
        ("bank/a.py", "bank"),
        ("shop/api.py", "shop"),
    ]


def test_an_answer_of_another_service_is_suspected_less() -> None:
    relayed = logged(API, ("bankclient/client.py", "post", "raise from_response(body)"), at=1)
    own = logged(("bank/a.py", "f", ""), service="bank", at=2)
    assert files([relayed, own], packages=frozenset({"shop", "bank"}))[0] == "bank/a.py"


def test_the_module_that_logged_the_exception_gains() -> None:
    calls = [("shop/job.py", "run", ""), ("shop/a.py", "f", "")]
    scores = [
        rank_locations([logged(*calls, logger=logger)], packages=SHOP)[1].score for logger in ("shop.job", "root")
    ]
    assert scores[0] > scores[1]


def test_a_known_module_in_the_error_gains() -> None:
    calls = [("shop/job.py", "run", ""), ("shop/a.py", "f", "")]
    locations = rank_locations([logged(*calls, error="CallbackError: shop.job.Job.run failed")], packages=SHOP)
    assert locations[0].file == "shop/job.py"
    assert "shop/job/Job.py" not in [location.file for location in locations]


def test_modules_are_all_there_is_without_tracebacks_and_others_are_left_out() -> None:
    modules = [
        NamedModule(service="shop", module=module, reason="went silent")
        for module in ("asyncio", "shop.job", "shop.api")
    ]
    locations = rank_locations([], modules, packages=SHOP)
    assert [(each.file, each.function, each.reason) for each in locations] == [
        ("shop/job.py", "", "went silent"),
        ("shop/api.py", "", "went silent"),
    ]


def test_an_error_that_is_logged_again_counts_once() -> None:
    assert rank_locations([logged(API, at=n) for n in range(3)], packages=SHOP) == rank_locations(
        [logged(API)], packages=SHOP
    )


def test_nothing_without_evidence() -> None:
    assert rank_locations([], packages=SHOP) == []
    assert rank_locations([logged(LIBRARY)], packages=SHOP) == []


def test_packages_are_named_like_services() -> None:
    assert own_packages(["order-service", "nova/nova-api", ""]) == {
        "order_service", "order", "service", "nova_nova_api", "nova", "api",
    }  # fmt: skip


_CALLS = st.tuples(
    st.sampled_from(["shop/a.py", "shop/b.py", "/app/c.py", "lib/client.py"]),
    st.sampled_from(["f", "wrapped"]),
    st.sampled_from(["f(card)", "return card.number", "return f(*args)", ""]),
)


@given(
    st.lists(
        st.builds(
            lambda calls, error, at, past: logged(*calls, error=error, at=at, past=past),
            st.lists(_CALLS, min_size=1, max_size=5),
            st.sampled_from(["", "KeyError: None", "'NoneType' has no attribute 'number' in shop.a.f"]),
            st.integers(0, 9),
            st.integers(0, 3),
        ),
        max_size=5,
    )
)
def test_scores_add_up_and_fall_and_do_not_depend_on_the_order(tracebacks: list[LoggedTraceback]) -> None:
    locations = rank_locations(tracebacks, packages=SHOP)
    scores = [location.score for location in locations]
    assert scores == sorted(scores, reverse=True)
    assert not scores or sum(scores) == pytest.approx(1)
    assert len({location.file for location in locations}) == len(locations)
