"""What stands in the places of a line: users, goods, amounts, addresses. Drawn once a request, and then the same in
every service that it passes.

All values are safe inside a JSON text as they are.
"""

import random
from collections.abc import Callable, Sequence

Draw = Callable[[], float]
"""A number in [0, 1), like ``random.Random.random``."""

_POOL_SEED = 20
_words = random.Random(_POOL_SEED)  # noqa: S311  # the same in every run on purpose

_FIRST_NAMES = [
    "anna",
    "ben",
    "carla",
    "david",
    "elena",
    "felix",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "katja",
    "luca",
    "maria",
    "nils",
    "olga",
    "pavel",
    "rosa",
    "simon",
    "tara",
    "umut",
    "vera",
    "wim",
    "yara",
    "zoe",
    "amir",
    "bea",
    "chen",
    "dario",
    "emil",
    "farah",
]
_LAST_NAMES = [
    "adler",
    "bauer",
    "costa",
    "dietz",
    "evans",
    "fischer",
    "garcia",
    "hoffmann",
    "ivanov",
    "jansen",
    "keller",
    "lopez",
    "meyer",
    "novak",
    "okafor",
    "park",
    "quinn",
    "rossi",
    "schmidt",
    "tanaka",
    "ulrich",
    "vogel",
    "weber",
    "yilmaz",
    "ziegler",
    "brandt",
    "lindqvist",
    "moreau",
]
_GOODS = [
    "running shoes",
    "rain jacket",
    "espresso machine",
    "desk lamp",
    "wool socks",
    "yoga mat",
    "usb-c hub",
    "water bottle",
    "backpack 30l",
    "trail shoes",
    "cast iron pan",
    "headphones",
    "phone case",
    "winter gloves",
    "camping stove",
    "office chair",
    "bike light",
    "notebook a5",
    "chef knife",
    "linen shirt",
    "baby monitor",
    "board game",
    "power bank",
    "hiking poles",
    "sunglasses",
]
_CATEGORIES = [
    "shoes",
    "jackets",
    "kitchen",
    "lighting",
    "sport",
    "electronics",
    "bags",
    "outdoor",
    "office",
    "toys",
    "garden",
    "books",
]
_DESKTOP = "Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"
_AGENTS = (
    *(_DESKTOP % ("Windows NT 10.0; Win64; x64", version) for version in (126, 127, 128, 128)),
    *(_DESKTOP % ("Macintosh; Intel Mac OS X 10_15_7", version) for version in (127, 128)),
    _DESKTOP % ("X11; Linux x86_64", 126),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "ShopApp/6.14.2 (iOS 17.5; iPhone14,5)",
    "ShopApp/6.14.1 (Android 14; SM-S918B)",
)
_BOT_PATHS = [
    "/wp-login.php",
    "/.env",
    "/favicon.ico",
    "/xmlrpc.php",
    "/admin/",
    "/robots.txt",
    "/.git/config",
    "/phpmyadmin/",
    "/api/v2/products",
    "/apple-touch-icon.png",
    "/sitemap.xml",
    "/actuator/health",
    "/cgi-bin/luci",
    "/ads.txt",
    "/old-shop/index.php",
]
_BOT_AGENTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.31.0",
    "curl/8.5.0",
    "Mozilla/5.0 zgrab/0.x",
)


def _addresses(first: Sequence[int], count: int) -> list[str]:
    return [".".join(map(str, (_words.choice(first), *(_words.randint(1, 254) for _ in "abc")))) for _ in range(count)]


def _amount() -> str:
    return f"{_words.lognormvariate(3.6, 0.8):.2f}"


def _hex(digits: int) -> Callable[[Draw], str]:
    # A draw has 53 bits: more digits need two.
    form, limit = f"%0{digits - 8}x%08x", float(16 ** (digits - 8))
    return lambda draw: form % (int(draw() * limit), int(draw() * 4294967296.0))


def _number(form: str, low: int, high: int) -> Callable[[Draw], str]:
    return lambda draw: form % int(low + draw() * (high - low))


POOLS: dict[str, Sequence[str]] = {
    "user": [f"u_{_words.randint(10_000, 999_999)}" for _ in range(4000)],
    "email": [
        f"{_words.choice(_FIRST_NAMES)}.{_words.choice(_LAST_NAMES)}{_words.choice(['', '', '1', '77', '88'])}@"
        f"{_words.choice(['mail.example', 'post.example', 'inbox.example'])}"
        for _ in range(3000)
    ],
    "ip": _addresses((31, 46, 62, 77, 79, 82, 84, 87, 91, 93, 95, 109, 178, 188, 217), 3000),
    "bot_ip": _addresses((45, 66, 103, 141, 162, 185), 60),
    "agent": _AGENTS,
    "bot_agent": _BOT_AGENTS,
    "bot_path": _BOT_PATHS,
    "sku": [f"{_words.choice('ABCDHKMS')}{_words.choice('ELORTX')}-{_words.randint(1000, 9999)}" for _ in range(1200)],
    "goods": _GOODS,
    "category": _CATEGORIES,
    "query": [f"{word}{suffix}".replace(" ", "+") for word in _GOODS for suffix in ("", "", " sale", " black", " men")],
    "page": [str(min(1 + int(_words.expovariate(0.7)), 40)) for _ in range(200)],
    "price": [_amount() for _ in range(500)],
    "amount": [_amount() for _ in range(1500)],
    "currency": ["EUR"] * 7 + ["GBP", "CHF", "SEK"],
    "quantity": ["1"] * 8 + ["2", "2", "3"],
    "items": [str(1 + int(_words.expovariate(0.5))) for _ in range(100)],
    "coupon": ["SUMMER10", "WELCOME5", "BF2023", "FREESHIP", "VIP20", "APP5"],
    "carrier": ["parcelnet", "parcelnet", "dhl", "ups", "postnord"],
    "country": ["DE"] * 5 + ["AT", "CH", "NL", "FR", "SE", "PL"],
    "warehouse": ["fra1", "fra1", "ham2", "vie1"],
    "bank": ["issuer_declined", "insufficient_funds", "do_not_honor", "expired_card", "3ds_failed"],
    "brand": ["visa", "visa", "mastercard", "mastercard", "amex"],
    "locale": ["de_DE", "de_DE", "en_GB", "fr_FR", "sv_SE"],
    "shard": [str(number) for number in range(6)],
    "partition": [str(number) for number in range(12)],
    "model": ["als-2024-06", "als-2024-06", "two-tower-v3"],
    "template": ["order_confirmation", "order_confirmation", "order_confirmation_v2"],
    "rows": [str(int(_words.lognormvariate(2.2, 1.1))) for _ in range(500)],
    "hits": [str(int(_words.lognormvariate(3.5, 1.4))) for _ in range(500)],
    "bytes": [str(int(_words.lognormvariate(8.2, 0.9))) for _ in range(900)],
    "many": [str(int(_words.lognormvariate(7.0, 0.8))) for _ in range(500)],
    "small": [str(number) for number in range(1, 9)],
    "percent": [f"{_words.uniform(20, 97):.1f}" for _ in range(400)],
    "ratio": [f"{_words.uniform(0.1, 0.99):.3f}" for _ in range(400)],
    "pause": [f"{_words.lognormvariate(2.3, 0.5):.1f}" for _ in range(400)],
    "micros": [str(int(_words.lognormvariate(5.2, 0.8))) for _ in range(400)],
    "few_ms": [f"{_words.lognormvariate(0.9, 0.7):.2f}" for _ in range(900)],
    "connection": [str(number) for number in range(1000, 9000, 7)],
    "port": [str(_words.randint(32768, 60999)) for _ in range(900)],
    "pod_ip": _addresses((10,), 200),
    "waiting": [str(number) for number in range(3, 41)],
    "score": [f"{_words.uniform(0.02, 0.6):.2f}" for _ in range(200)],
}
"""What is drawn from a list."""

MAKERS: dict[str, Callable[[Draw], str]] = {
    "session": _hex(16),
    "cart": _hex(12),
    "order": _number("ORD-%08d", 10_000_000, 99_999_999),
    "payment": _number("pay_%x", 16**12, 16**13),
    "auth_code": _number("%06d", 0, 999_999),
    "reservation": _number("rsv-%d", 1_000_000, 9_999_999),
    "tracking": _number("PN%011d", 10**10, 10**11 - 1),
    "message_id": _hex(13),
    "offset": _number("%d", 10_000_000, 99_999_999),
    "request_id": _hex(13),
    "key": _number("%08x", 0x10000000, 0xFFFFFFFF),
}
"""What hardly ever comes twice."""

#: Another one for each line, though the request is the same.
_FRESH = frozenset({"rows", "few_ms", "micros", "pause", "ratio", "percent", "connection", "small", "bytes", "waiting"})
_DRAWN = {name: (pool, len(pool), name in _FRESH) for name, pool in POOLS.items()}
_THREADS = 24


class Values(dict[str, str]):
    """The values of one request; those that nobody has set yet are drawn when a line first needs them."""

    __slots__ = ("draw", "forced")

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw = draw
        #: The rejection that this request is after, whoever makes it.
        self.forced = ""

    def __missing__(self, name: str) -> str:
        drawn = _DRAWN.get(name)
        if drawn is None:
            if name == "thread":
                # One thread works on all of a span.
                return str(1 + int(self["span"][:4], 16) % _THREADS)
            value = self[name] = MAKERS[name](self.draw)
            return value
        pool, size, is_fresh = drawn
        value = pool[int(self.draw() * size)]
        if not is_fresh:
            self[name] = value
        return value
