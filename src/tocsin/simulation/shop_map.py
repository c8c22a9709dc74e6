"""The shop: fourteen kinds of trouble need something that they can happen to."""

from tocsin.simulation.topology import (
    Call,
    CronJob,
    Operation,
    Part,
    PartKind,
    Publish,
    Rejection,
    Service,
    ShopMap,
    Style,
    Use,
)

GATEWAY = "api-gateway"


def _database(engine: str, address: str, median_ms: float = 4.0, places: int = 6, name: str = "db") -> Part:
    return Part(
        name=name, kind=PartKind.DATABASE, engine=engine, address=address, median_ms=median_ms, sigma=0.6, places=places
    )


def _cache(address: str, hit_share: float) -> Part:
    return Part(
        name="cache",
        kind=PartKind.CACHE,
        engine="redis",
        address=address,
        median_ms=0.5,
        sigma=0.4,
        places=16,
        wait_limit_ms=1000,
        limit_ms=1000,
        hit_share=hit_share,
    )


def _queue(name: str = "queue") -> Part:
    return Part(name=name, kind=PartKind.QUEUE, engine="kafka", address="kafka-0.kafka:9092", median_ms=2.5, places=16)


def _third_party(name: str, address: str, median_ms: float, limit_ms: float) -> Part:
    return Part(
        name=name,
        kind=PartKind.THIRD_PARTY,
        engine="https",
        address=address,
        median_ms=median_ms,
        sigma=0.45,
        places=10,
        limit_ms=limit_ms,
    )


def _entry(name: str, method: str, route: str, *steps: Call, status: int = 200) -> Operation:
    return Operation(name=name, method=method, route=route, steps=steps, median_ms=0.8, sigma=0.4, status=status)


def _call(target: str, timeout_ms: float, retries: int = 0, share: float = 1.0, optional: bool = False) -> Call:
    service, operation = target.split(".")
    return Call(
        service=service, operation=operation, timeout_ms=timeout_ms, retries=retries, share=share, is_optional=optional
    )


_SESSION = _call("auth.verify", 500, retries=1)

_GATEWAY = Service(
    name=GATEWAY,
    style=Style.NGINX,
    version="1.25.4",
    hosts=3,
    workers=64,
    memory_share=0.22,
    parts=(),
    operations=(
        _entry("home", "GET", "/", _call("recommendation.suggest", 400, share=0.8, optional=True)),
        _entry("browse", "GET", "/api/v1/categories/{category}", _call("catalog.list", 2000, retries=1)),
        _entry(
            "product",
            "GET",
            "/api/v1/products/{sku}",
            _call("catalog.get", 2000, retries=1),
            _call("recommendation.suggest", 400, share=0.5, optional=True),
        ),
        _entry("search", "GET", "/api/v1/search?q={query}", _call("search.query", 1500, retries=1)),
        _entry("login", "POST", "/api/v1/login", _call("auth.login", 3000)),
        _entry("view_cart", "GET", "/api/v1/cart", _SESSION, _call("cart.get", 2000)),
        _entry("add_to_cart", "POST", "/api/v1/cart/items", _SESSION, _call("cart.add", 2000), status=201),
        _entry("checkout", "POST", "/api/v1/checkout", _SESSION, _call("checkout.place", 12_000), status=201),
        _entry("order_status", "GET", "/api/v1/orders/{order}", _SESSION, _call("checkout.status", 2000)),
        _entry("track", "GET", "/api/v1/shipments/{tracking}", _call("shipping.track", 2500)),
        Operation(
            name="stray",
            route="{bot_path}",
            median_ms=0.3,
            rejections=(Rejection(name="not_found", share=1.0, status=404),),
        ),
    ),
)

_AUTH = Service(
    name="auth",
    style=Style.GO,
    version="3.8.2",
    port=8081,
    parts=(_database("postgresql", "auth-db.internal:5432", 3.0), _cache("auth-redis.internal:6379", 0.97)),
    operations=(
        Operation(
            name="login",
            method="POST",
            route="/v1/sessions",
            median_ms=70,
            sigma=0.2,
            rejections=(
                Rejection(name="wrong_password", share=0.06, status=401),
                Rejection(name="locked", share=0.004, status=423),
            ),
            steps=(
                Use(part="db", statement="SELECT id, password_hash, locked_until FROM accounts WHERE email = $1"),
                Use(part="cache", statement="SETEX session:{session} 86400", is_optional=True),
                Use(part="db", statement="INSERT INTO login_events (account_id, ip) VALUES ($1, $2)", weight=1.4),
            ),
        ),
        Operation(
            name="verify",
            route="/v1/sessions/{session}",
            median_ms=0.7,
            rejections=(Rejection(name="expired", share=0.008, status=401),),
            steps=(
                Use(
                    part="cache",
                    statement="GET session:{session}",
                    on_miss=(Use(part="db", statement="SELECT account_id, expires_at FROM sessions WHERE id = $1"),),
                ),
            ),
        ),
    ),
)

_CATALOG = Service(
    name="catalog",
    style=Style.NODE,
    version="5.21.0",
    hosts=3,
    port=3000,
    parts=(
        _database("postgresql", "catalog-db.internal:5432", 6.0, places=5),
        _cache("catalog-redis.internal:6379", 0.9),
    ),
    operations=(
        Operation(
            name="list",
            route="/categories/{category}",
            median_ms=4,
            steps=(
                Use(
                    part="cache",
                    statement="GET cat:{category}:p{page}",
                    is_optional=True,
                    on_miss=(
                        Use(
                            part="db",
                            statement="SELECT p.* FROM products p JOIN product_category pc ON pc.product_id = p.id "
                            "WHERE pc.category_id = $1 ORDER BY rank LIMIT 48 OFFSET $2",
                            weight=4,
                        ),
                    ),
                ),
            ),
        ),
        Operation(
            name="get",
            route="/products/{sku}",
            median_ms=2.5,
            rejections=(Rejection(name="unknown", share=0.01, status=404),),
            steps=(
                Use(
                    part="cache",
                    statement="GET product:{sku}",
                    is_optional=True,
                    on_miss=(Use(part="db", statement="SELECT * FROM products WHERE sku = $1"),),
                ),
                _call("inventory.stock", 600, retries=1, share=0.6, optional=True),
            ),
        ),
        Operation(
            name="prices",
            method="POST",
            route="/prices",
            median_ms=1.5,
            steps=(Use(part="db", statement="SELECT sku, amount, currency FROM prices WHERE sku = ANY($1)"),),
        ),
        Operation(
            name="export",
            method="POST",
            route="/internal/export",
            median_ms=400,
            steps=(
                Use(part="db", statement="COPY (SELECT * FROM products WHERE updated_at > $1) TO STDOUT", weight=40),
            ),
        ),
    ),
)

_CART = Service(
    name="cart",
    style=Style.GO,
    version="2.14.3",
    port=8083,
    parts=(
        _cache("cart-redis.internal:6379", 0.95),
        _database("mongodb", "cart-mongo.internal:27017", 3.0),
    ),
    operations=(
        Operation(
            name="get",
            route="/carts/{cart}",
            median_ms=1.2,
            steps=(
                Use(
                    part="cache",
                    statement="HGETALL cart:{cart}",
                    on_miss=(Use(part="db", statement="carts.find({_id: {cart}})"),),
                ),
                _call("catalog.prices", 800, retries=1, share=0.5, optional=True),
            ),
        ),
        Operation(
            name="add",
            method="POST",
            route="/carts/{cart}/items",
            median_ms=1.5,
            status=201,
            rejections=(Rejection(name="sold_out", share=0.02, status=409),),
            steps=(
                _call("inventory.stock", 600, retries=1),
                Use(part="cache", statement="HINCRBY cart:{cart} {sku} {quantity}"),
                Use(part="db", statement="carts.updateOne({_id: {cart}})", weight=1.3),
            ),
        ),
        Operation(
            name="clear",
            method="DELETE",
            route="/carts/{cart}",
            median_ms=0.8,
            status=204,
            steps=(Use(part="cache", statement="DEL cart:{cart}"), Use(part="db", statement="carts.deleteOne")),
        ),
        Operation(
            name="expire",
            method="POST",
            route="/internal/expire",
            median_ms=60,
            steps=(Use(part="db", statement="carts.deleteMany({touched_at: {$lt: ...}})", weight=20),),
        ),
    ),
)

_CHECKOUT = Service(
    name="checkout",
    style=Style.JAVA,
    version="4.2.7",
    workers=20,
    parts=(_database("postgresql", "orders-db.internal:5432", 5.0, places=5), _queue()),
    operations=(
        Operation(
            name="place",
            method="POST",
            route="/orders",
            median_ms=9,
            status=201,
            rejections=(Rejection(name="coupon", share=0.03, status=422),),
            steps=(
                _call("cart.get", 1500, retries=1),
                _call("inventory.reserve", 2000, retries=1),
                Use(part="db", statement="insert into orders (id, account_id, total, state) values (?, ?, ?, ?)"),
                _call("payment.charge", 8000, retries=1),
                Use(part="db", statement="update orders set state = 'PAID' where id = ?"),
                _call("shipping.create", 2500, retries=1, optional=True),
                Publish(part="queue", service="notification", operation="order_mail", topic="order-events"),
                _call("cart.clear", 800, optional=True),
            ),
        ),
        Operation(
            name="status",
            route="/orders/{order}",
            median_ms=3,
            rejections=(Rejection(name="unknown", share=0.01, status=404),),
            steps=(Use(part="db", statement="select o.id, o.state, o.total from orders o where o.id = ?"),),
        ),
        Operation(
            name="settle",
            method="POST",
            route="/internal/settlement",
            median_ms=120,
            steps=(
                Use(
                    part="db", statement="select id from orders where state = 'PAID' and settled_at is null", weight=30
                ),
            ),
        ),
    ),
)

_PAYMENT = Service(
    name="payment",
    style=Style.JAVA,
    version="7.0.12",
    workers=20,
    parts=(
        _database("postgresql", "payment-db.internal:5432", 4.0, places=5),
        _third_party("acquirer", "api.cardpay.example", 260, 5000),
    ),
    operations=(
        Operation(
            name="charge",
            method="POST",
            route="/charges",
            median_ms=6,
            status=201,
            rejections=(Rejection(name="declined", share=0.045, status=402),),
            steps=(
                Use(part="db", statement="select id from charges where idempotency_key = ?"),
                Use(part="acquirer", statement="POST /v2/authorizations"),
                Use(part="db", statement="insert into charges (id, order_id, amount, state) values (?, ?, ?, ?)"),
                Use(part="acquirer", statement="POST /v2/captures", weight=0.5, share=0.9),
            ),
        ),
        Operation(
            name="reconcile",
            method="POST",
            route="/internal/reconcile",
            median_ms=90,
            steps=(
                Use(part="acquirer", statement="GET /v2/reports/daily", weight=2),
                Use(part="db", statement="select id, amount from charges where created_at >= ?", weight=15),
            ),
        ),
    ),
)

_INVENTORY = Service(
    name="inventory",
    style=Style.GO,
    version="1.19.4",
    port=8085,
    parts=(
        _database("mysql", "inventory-db.internal:3306", 2.5, places=6),
        _cache("inventory-redis.internal:6379", 0.85),
    ),
    operations=(
        Operation(
            name="stock",
            route="/stock/{sku}",
            median_ms=0.9,
            steps=(
                Use(
                    part="cache",
                    statement="GET stock:{sku}",
                    on_miss=(Use(part="db", statement="SELECT on_hand, reserved FROM stock WHERE sku = ?"),),
                ),
            ),
        ),
        Operation(
            name="reserve",
            method="POST",
            route="/reservations",
            median_ms=1.4,
            status=201,
            rejections=(Rejection(name="short", share=0.012, status=409),),
            steps=(
                Use(part="db", statement="UPDATE stock SET reserved = reserved + ? WHERE sku = ?", weight=2),
                Use(part="cache", statement="DEL stock:{sku}", is_optional=True),
            ),
        ),
        Operation(
            name="sync",
            method="POST",
            route="/internal/sync",
            median_ms=150,
            steps=(Use(part="db", statement="INSERT INTO stock_snapshot SELECT * FROM stock", weight=50),),
        ),
    ),
)

_SHIPPING = Service(
    name="shipping",
    style=Style.PYTHON,
    version="2.3.9",
    port=8000,
    parts=(
        _database("postgresql", "shipping-db.internal:5432", 4.0),
        _third_party("carrier", "rates.parcelnet.example", 140, 2000),
        Part(name="disk", kind=PartKind.DISK, engine="ext4", address="/var/lib/labels", median_ms=1.5),
    ),
    operations=(
        Operation(
            name="create",
            method="POST",
            route="/shipments",
            median_ms=7,
            status=201,
            steps=(
                Use(part="carrier", statement="POST /v1/rates"),
                Use(part="db", statement="INSERT INTO shipments (id, order_id, carrier) VALUES (%s, %s, %s)"),
                Use(part="disk", statement="/var/lib/labels/{order}.pdf"),
            ),
        ),
        Operation(
            name="track",
            route="/shipments/{tracking}",
            median_ms=3,
            rejections=(Rejection(name="unknown", share=0.02, status=404),),
            steps=(
                Use(part="db", statement="SELECT state, updated_at FROM shipments WHERE tracking = %s"),
                Use(part="carrier", statement="GET /v1/tracking/{tracking}", share=0.3, is_optional=True),
            ),
        ),
        Operation(
            name="pickup",
            method="POST",
            route="/internal/pickups",
            median_ms=50,
            steps=(Use(part="db", statement="SELECT id FROM shipments WHERE state = 'READY'", weight=8),),
        ),
    ),
)

_NOTIFICATION = Service(
    name="notification",
    style=Style.PYTHON,
    version="1.11.0",
    port=8000,
    workers=6,
    parts=(
        _third_party("mail", "smtp.mailrelay.example", 110, 4000),
        _third_party("push", "push.mobile.example", 70, 3000),
        _database("postgresql", "notification-db.internal:5432", 3.0),
    ),
    operations=(
        Operation(
            name="order_mail",
            method="CONSUME",
            route="order-events",
            median_ms=12,
            steps=(
                Use(part="db", statement="SELECT email, locale, wants_push FROM recipients WHERE account_id = %s"),
                Use(part="mail", statement="MAIL FROM:<orders@shop.example>"),
                Use(part="push", statement="POST /v3/messages", share=0.4, is_optional=True),
            ),
        ),
        Operation(
            name="digest",
            method="POST",
            route="/internal/digest",
            median_ms=80,
            steps=(
                Use(part="db", statement="SELECT account_id FROM recipients WHERE wants_digest", weight=10),
                Use(part="mail", statement="MAIL FROM:<news@shop.example>", weight=2),
            ),
        ),
    ),
)

_RECOMMENDATION = Service(
    name="recommendation",
    style=Style.PYTHON,
    version="0.37.1",
    port=8000,
    memory_share=0.62,
    parts=(_cache("reco-redis.internal:6379", 0.75), _database("postgresql", "features-db.internal:5432", 5.0)),
    operations=(
        Operation(
            name="suggest",
            route="/suggestions/{user}",
            median_ms=14,
            sigma=0.4,
            steps=(
                Use(
                    part="cache",
                    statement="GET reco:{user}",
                    is_optional=True,
                    on_miss=(
                        Use(part="db", statement="SELECT features FROM user_features WHERE user_id = %s", weight=2),
                    ),
                ),
            ),
        ),
        Operation(
            name="train",
            method="POST",
            route="/internal/refresh",
            median_ms=900,
            steps=(Use(part="db", statement="SELECT user_id, sku, weight FROM interactions", weight=60),),
        ),
    ),
)

_SEARCH = Service(
    name="search",
    style=Style.CPP,
    version="11.4.0",
    port=9200,
    memory_share=0.7,
    parts=(
        _database("opensearch", "search-data.internal:9200", 11.0, places=8, name="index"),
        Part(name="disk", kind=PartKind.DISK, engine="xfs", address="/data/segments", median_ms=1.0),
    ),
    operations=(
        Operation(
            name="query",
            route="/search?q={query}",
            median_ms=3,
            rejections=(Rejection(name="bad_query", share=0.006, status=400),),
            steps=(
                Use(part="index", statement="_search products-v7 q='{query}' size=24"),
                Use(part="disk", statement="/data/segments/qlog.bin", share=0.4),
            ),
        ),
        Operation(
            name="reindex",
            method="POST",
            route="/internal/reindex",
            median_ms=300,
            steps=(
                _call("catalog.export", 6000, retries=1),
                Use(part="index", statement="_bulk products-v7", weight=12),
                Use(part="disk", statement="/data/segments/seg.tmp", weight=3),
            ),
        ),
    ),
)


def _job(name: str, target: str, timeout_ms: float) -> Operation:
    call = _call(target, timeout_ms, retries=1)
    return Operation(name=name, method="RUN", route=name, median_ms=2, steps=(call,))


_SCHEDULER = Service(
    name="scheduler",
    style=Style.GO,
    version="1.4.1",
    hosts=1,
    parts=(),
    operations=(
        _job("expire-carts", "cart.expire", 10_000),
        _job("sync-stock", "inventory.sync", 10_000),
        _job("reindex-search", "search.reindex", 20_000),
        _job("refresh-recommendations", "recommendation.train", 20_000),
        _job("settle-orders", "checkout.settle", 15_000),
        _job("reconcile-payments", "payment.reconcile", 15_000),
        _job("request-pickups", "shipping.pickup", 8000),
        _job("send-digests", "notification.digest", 10_000),
    ),
)

SHOP = ShopMap(
    services=(
        _GATEWAY,
        _AUTH,
        _CATALOG,
        _CART,
        _CHECKOUT,
        _PAYMENT,
        _INVENTORY,
        _SHIPPING,
        _NOTIFICATION,
        _RECOMMENDATION,
        _SEARCH,
        _SCHEDULER,
    ),
    cron_jobs=(
        CronJob(service="scheduler", operation="expire-carts", every_seconds=300, after_seconds=12),
        CronJob(service="scheduler", operation="sync-stock", every_seconds=600, after_seconds=0),
        CronJob(service="scheduler", operation="reindex-search", every_seconds=900, after_seconds=30),
        CronJob(service="scheduler", operation="refresh-recommendations", every_seconds=1800, after_seconds=240),
        CronJob(service="scheduler", operation="settle-orders", every_seconds=900, after_seconds=120),
        CronJob(service="scheduler", operation="reconcile-payments", every_seconds=3600, after_seconds=420),
        CronJob(service="scheduler", operation="request-pickups", every_seconds=1200, after_seconds=60),
        CronJob(service="scheduler", operation="send-digests", every_seconds=3600, after_seconds=1800),
    ),
)
"""What ``Shop`` simulates."""
