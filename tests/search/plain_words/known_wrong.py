"""What the translator gets wrong, and what it should say. A case that comes right moves to the other tables."""

from tests.search.plain_words.cases import Case, a, q

KNOWN_WRONG: tuple[Case, ...] = (
    # A service's name that is a noun of the sentence.
    q("failed payments in the past day", "failed payment*", "now-1d"),
    # What a message contains is a field's value.
    q("error logs containing user 42", "level:>=ERROR user_id:42"),
    # A noun beside the codes that means them.
    q("redirects (3xx) in api-gateway", "service:api-gateway http.status_code:300..399"),
    # A verb in its base form, of which messages have others.
    q("did order 9981 fail?", "order_id:9981 fail*"),
    # Times that have no clock.
    q("errors after lunch", "level:>=ERROR", "25 13:00"),
    # Who produces something is a service, host or user.
    a("biggest error producers", "level:>=ERROR", by=("service",)),
    # An overview is asked for without a word of numbers.
    a("is checkout healthy", "service:checkout", by=("level",)),
    # An exclusion that belongs to one side only.
    q("timeouts in cart and errors not from auth", "(timeout* service:cart) OR (level:>=ERROR -service:auth)"),
)
