"""What customers look at: the gateway, and the services behind its pages."""

from tocsin.simulation.map_words import cache, call, database, entry
from tocsin.simulation.topology import Operation, Part, PartKind, Rejection, Service, Style, Use

GATEWAY = "api-gateway"
"""Where all requests come in."""

_SESSION = call("auth.verify", 500, retries=1)

API_GATEWAY = Service(
    name=GATEWAY,
    style=Style.NGINX,
    version="1.25.4",
    hosts=3,
    workers=64,
    memory_share=0.22,
    parts=(),
    operations=(
        entry("home", "GET", "/", call("recommendation.suggest", 400, share=0.8, optional=True)),
        entry("browse", "GET", "/api/v1/categories/{category}", call("catalog.list", 2000, retries=1)),
        entry(
            "product",
            "GET",
            "/api/v1/products/{sku}",
            call("catalog.get", 2000, retries=1),
            call("recommendation.suggest", 400, share=0.5, optional=True),
        ),
        entry("search", "GET", "/api/v1/search?q={query}", call("search.query", 1500, retries=1)),
        entry("login", "POST", "/api/v1/login", call("auth.login", 3000)),
        entry("view_cart", "GET", "/api/v1/cart", _SESSION, call("cart.get", 2000)),
        entry("add_to_cart", "POST", "/api/v1/cart/items", _SESSION, call("cart.add", 2000), status=201),
        entry("checkout", "POST", "/api/v1/checkout", _SESSION, call("checkout.place", 12_000), status=201),
        entry("order_status", "GET", "/api/v1/orders/{order}", _SESSION, call("checkout.status", 2000)),
        entry("track", "GET", "/api/v1/shipments/{tracking}", call("shipping.track", 2500)),
        Operation(
            name="stray",
            route="{bot_path}",
            median_ms=0.3,
            rejections=(Rejection(name="not_found", share=1.0, status=404),),
        ),
    ),
)

AUTH = Service(
    name="auth",
    style=Style.GO,
    version="3.8.2",
    port=8081,
    parts=(database("postgresql", "auth-db.internal:5432", 3.0), cache("auth-redis.internal:6379", 0.97)),
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

CATALOG = Service(
    name="catalog",
    style=Style.NODE,
    version="5.21.0",
    hosts=3,
    port=3000,
    parts=(
        database("postgresql", "catalog-db.internal:5432", 6.0, places=5),
        cache("catalog-redis.internal:6379", 0.9),
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
                call("inventory.stock", 600, retries=1, share=0.6, optional=True),
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

CART = Service(
    name="cart",
    style=Style.GO,
    version="2.14.3",
    port=8083,
    parts=(
        cache("cart-redis.internal:6379", 0.95),
        database("mongodb", "cart-mongo.internal:27017", 3.0),
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
                call("catalog.prices", 800, retries=1, share=0.5, optional=True),
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
                call("inventory.stock", 600, retries=1),
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

SEARCH = Service(
    name="search",
    style=Style.CPP,
    version="11.4.0",
    port=9200,
    memory_share=0.7,
    parts=(
        database("opensearch", "search-data.internal:9200", 11.0, places=8, name="index"),
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
                call("catalog.export", 6000, retries=1),
                Use(part="index", statement="_bulk products-v7", weight=12),
                Use(part="disk", statement="/data/segments/seg.tmp", weight=3),
            ),
        ),
    ),
)

RECOMMENDATION = Service(
    name="recommendation",
    style=Style.PYTHON,
    version="0.37.1",
    port=8000,
    memory_share=0.62,
    parts=(cache("reco-redis.internal:6379", 0.75), database("postgresql", "features-db.internal:5432", 5.0)),
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
