"""Words that more than one reader must know."""

ARTICLES = frozenset({
    "the", "a", "an", "any", "all", "our", "each", "every", "this", "that", "these", "those", "my", "some",
    "specific", "particular", "certain", "its", "their", "both",
})  # fmt: skip

TIME_WORDS = frozenset({
    "since", "after", "before", "from", "to", "until", "till", "by", "at", "on", "in", "between", "during", "within",
    "today", "yesterday", "tomorrow", "tonight", "overnight", "now", "ago", "last", "past", "previous", "recent",
    "first", "next", "this", "for", "over", "around", "of", "with", "and", "or", "not", "the", "a", "an", "then",
    "earlier", "later", "noon", "midnight", "morning", "afternoon", "evening", "night", "weekend", "when", "while",
    "second", "minute", "hour", "day", "week", "month", "year", "seconds", "minutes", "hours", "days", "weeks",
    "months", "years", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
})  # fmt: skip
"""Words that say when, and those that hold a sentence together: alone they name no field."""

GROUP_CUES = frozenset({"by", "per", "each", "every", "across"})

EVENT_NOUNS = frozenset({
    "requests", "responses", "calls", "logs", "log", "lines", "line", "entries", "entry", "records", "events",
    "messages", "message", "loglines", "rows", "items", "queries", "hits", "traffic", "occurrences", "occurrence",
    "instances", "results", "ones", "output", "record", "times", "data", "activity",
})  # fmt: skip
"""What logs are called, whatever they are about."""

_QUESTIONS = frozenset(
    {"what", "which", "who", "whom", "whose", "when", "where", "how", "whats", "what're", "wheres", "whos"}
)
_VERBS = frozenset({
    "show", "give", "get", "find", "list", "display", "see", "tell", "want", "need", "look", "looking", "fetch",
    "pull", "search", "check", "print", "return", "let", "lets", "know", "view", "retrieve", "grab", "bring", "dig",
    "filter", "is", "are", "was", "were", "be", "been", "being", "am", "there", "have", "has", "had", "having", "do",
    "does", "did", "done", "doing", "can", "could", "would", "should", "will", "shall", "may", "might", "must",
    "happened", "happening", "happen", "happens", "occurred", "occur", "occurs", "occurring", "going", "come",
    "comes", "came", "coming", "seen", "seeing", "saw", "sees", "logged", "logging", "appear", "appears", "appeared",
    "appearing", "reported", "report", "reporting", "generated", "produced", "producing", "emitted", "emitting",
    "encountered", "encounter", "experienced", "experience", "experiencing", "resulted", "resulting", "involving",
    "related", "relating", "regarding", "concerning", "got", "gotten", "getting", "gets", "made", "make", "makes",
    "making", "went", "goes", "go", "use", "used", "hit", "hitting", "affected", "affect", "caused", "detected",
    "observed", "noticed", "raised", "threw", "throw", "throwing", "exist", "exists", "exhibit", "please", "pls",
    "plz", "thanks", "thank", "hi", "hello", "hey", "help", "where's", "who's", "i'd", "i'm", "i've", "we've",
    "we're", "it's", "that's", "there's", "here", "using", "issued", "performed", "took", "taken", "take", "takes",
    "taking", "includes", "contain", "returned", "returning", "sent", "like", "understand", "written", "wrote",
    "spoken", "said", "say", "saying", "concern", "count", "running", "serve", "served", "serving", "handle",
    "handled", "handling", "anywhere", "starting", "beginning", "ending", "overview", "stats", "statistics",
    "figures", "details", "detail", "tail", "figure", "investigate", "explore", "start", "visualize", "visualise",
    "summarize", "summarise",
})  # fmt: skip
_PRONOUNS = frozenset({
    "i", "we", "you", "it", "its", "they", "them", "their", "me", "us", "he", "she", "him", "her", "this", "that",
    "these", "those", "my", "our", "your", "one", "anyone", "someone", "anybody", "somebody", "everyone", "anything",
    "everything", "something", "thing", "things", "stuff", "ones", "own", "self", "itself",
})  # fmt: skip
_LINKS = frozenset({
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "with", "without", "and", "or", "but", "as", "by",
    "into", "onto", "out", "up", "about", "via", "through", "throughout", "during", "within", "over", "under", "then",
    "than", "so", "if", "also", "just", "only", "too", "very", "really", "now", "currently", "ever", "yet", "still",
    "again", "any", "all", "some", "each", "every", "both", "either", "many", "much", "more", "most", "few", "such",
    "same", "other", "another", "different", "recent", "recently", "latest", "newest", "newer", "there", "here",
    "due", "because", "while", "whether", "per", "between", "across", "along", "around", "against", "among",
    "towards", "&", "ok", "okay", "well", "maybe", "perhaps", "actually", "basically", "right", "exactly", "kind",
    "kinds", "sort", "type", "types", "case", "cases", "situation", "situations", "problem", "problems", "issue",
    "issues", "side", "instead", "including", "included", "include", "together", "overall", "altogether", "entire",
    "whole", "given", "specific", "particular", "various", "certain", "total", "raw", "actual", "-", "yes", "ago",
    "earlier", "whatever", "however", "etc", "available", "following", "relevant", "corresponding", "associated",
    "possible", "frequency", "frequently", "often", "once", "twice", "new",
})  # fmt: skip

OWN_NOUNS = frozenset({
    "service", "services", "application", "applications", "app", "apps", "system", "systems", "logs", "component",
    "components", "microservice", "microservices", "message", "messages", "field", "fields", "value", "values",
    "severity", "level", "levels", "time", "timestamp", "timestamps", "query", "average",
})  # fmt: skip

STOP_WORDS = _QUESTIONS | _VERBS | _PRONOUNS | _LINKS | EVENT_NOUNS | OWN_NOUNS
"""Words that ask for nothing by themselves."""

UNANSWERABLE = {
    **dict.fromkeys(
        ("sum", "sums", "summed", "aggregate", "cumulative"),
        "sums can't be computed; counts, averages, percentiles, the least and the greatest can",
    ),
    **dict.fromkeys(
        ("percentage", "percent", "ratio", "share", "proportion", "fraction", "%"),
        "shares can't be computed; ask for the counts of both",
    ),
    **dict.fromkeys(
        ("why", "reason", "reasons", "cause", "causes", "explain"),
        "why something happened is not answered here; what changed at that time often says it",
    ),
    **dict.fromkeys(
        ("correlate", "correlated", "correlation", "correlates"), "correlations can't be computed; compare two times"
    ),
    **dict.fromkeys(("predict", "forecast", "expected", "predicted", "tomorrow"), "the future can't be asked for"),
    **dict.fromkeys(
        ("stddev", "deviation", "variance"),
        "only counts, rates, distinct values, averages, percentiles, the least and the greatest can be computed",
    ),
}
"""Words that ask for what can't be answered, and what to say of them."""

ORDERS = frozenset({
    "delete", "remove", "drop", "alert", "notify", "email", "restart", "fix", "create", "silence", "acknowledge",
    "stop", "deploy", "page", "reboot", "kill",
})  # fmt: skip
"""Words that, at the beginning, tell to do something, which no question can."""
