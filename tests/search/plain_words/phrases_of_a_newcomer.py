"""Phrases about services whose names are those of fields of ids, too, and of fields named by words of time."""

from tests.search.plain_words.cases import Case, a, c, q
from tocsin.search.plain_words.contracts import KnownField, Vocabulary

NEWCOMERS_VOCABULARY = Vocabulary(
    services=("payment", "cart", "catalog", "checkout", "shipping"),
    fields=(
        *(KnownField(name=name, is_numeric=False) for name in ("payment.id", "cart.id", "since", "last")),
        *(KnownField(name=name, is_numeric=True) for name in ("order.id", "search.took_ms", "duration_ms")),
    ),
)

IDS: tuple[Case, ...] = (
    q("errors in payment today", "service:payment level:>=ERROR", "25"),
    q("errors from payment since 9am", "service:payment level:>=ERROR", "25 09:00"),
    a("most frequent messages from payment today", "service:payment", "25", by=("pattern",)),
    q("warnings from cart yesterday", "service:cart level:WARN", "24", "25"),
    c("what changed in payment since 3:24", "service:payment", "25 03:24"),
    a("carts with more than 10 items", by=("cart.id",), not_understood=("more", "10")),
    q("errors in payment 9 am", "service:payment level:>=ERROR", "25 09:00", "25 10:00"),
    q("errors in payment 2026-11-20", "service:payment level:>=ERROR", "20", "21"),
    q("payment errors in the last hour", "service:payment level:>=ERROR", "now-1h"),
    q("errors in cart checkout", "service:(cart OR checkout) level:>=ERROR"),
    q("payment 9981", "payment.id:9981"),
    q("errors of order 5521 yesterday", "level:>=ERROR order.id:5521", "24", "25"),
    q('cart "abc"', "cart.id:abc"),
    q("errors where payment.id is p-17", "level:>=ERROR payment.id:p-17"),
    q("payment id 77 errors", "level:>=ERROR payment.id:77"),
    q("order.id > 5", "order.id:>5"),
)

TIME_WORDS: tuple[Case, ...] = (
    q("errors since 9am", "level:>=ERROR", "25 09:00"),
    q("errors in the last 2 hours", "level:>=ERROR", "now-2h"),
    q("since:x", "since:x"),
    q("since = x", "since:x"),
    q("metadata.since = x", "since:x"),
)

_AN_HOUR_AGO = {"baseline_start": "now-90m", "baseline_end": "now-60m"}

OTHERS: tuple[Case, ...] = (
    c("what is different in payment now compared to an hour ago", "service:payment", "now-30m", **_AN_HOUR_AGO),
    c("what changed in payment compared to an hour ago", "service:payment", "now-30m", **_AN_HOUR_AGO),
    c("what changed compared to 15:30", "", "25 15:31", baseline_start="25 15:30", baseline_end="25 15:31"),
    c("what is different in payment now compared to yesterday", "service:payment", baseline="day"),
    q("stack traces", '(traceback OR "stack trace" OR *exception*)'),
    a("distinct patterns per service", by=("service", "pattern")),
    c(
        "did the error rate rise after the deploy of payment at 3:24",
        "service:payment level:>=ERROR",
        "25 03:24",
    ),
    q("requests that took longer than 500 ms in catalog", "service:catalog duration_ms:>500"),
)

NEWCOMERS: tuple[Case, ...] = (*IDS, *TIME_WORDS, *OTHERS)
