"""What happens to an order, and by the clock."""

from tocsin.simulation.map_words import cache, call, database, queue, third_party
from tocsin.simulation.topology import Operation, Part, PartKind, Publish, Rejection, Service, Style, Use

CHECKOUT = Service(
    name="checkout",
    style=Style.JAVA,
    version="4.2.7",
    workers=20,
    parts=(database("postgresql", "orders-db.internal:5432", 5.0, places=5), queue()),
    operations=(
        Operation(
            name="place",
            method="POST",
            route="/orders",
            median_ms=9,
            status=201,
            rejections=(Rejection(name="coupon", share=0.03, status=422),),
            steps=(
                call("cart.get", 1500, retries=1),
                call("inventory.reserve", 2000, retries=1),
                Use(part="db", statement="insert into orders (id, account_id, total, state) values (?, ?, ?, ?)"),
                call("payment.charge", 8000, retries=1),
                Use(part="db", statement="update orders set state = 'PAID' where id = ?"),
                call("shipping.create", 2500, retries=1, optional=True),
                Publish(part="queue", service="notification", operation="order_mail", topic="order-events"),
                call("cart.clear", 800, optional=True),
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

PAYMENT = Service(
    name="payment",
    style=Style.JAVA,
    version="7.0.12",
    workers=20,
    parts=(
        database("postgresql", "payment-db.internal:5432", 4.0, places=5),
        third_party("acquirer", "api.cardpay.example", 260, 5000),
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

INVENTORY = Service(
    name="inventory",
    style=Style.GO,
    version="1.19.4",
    port=8085,
    parts=(
        database("mysql", "inventory-db.internal:3306", 2.5, places=6),
        cache("inventory-redis.internal:6379", 0.85),
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

SHIPPING = Service(
    name="shipping",
    style=Style.PYTHON,
    version="2.3.9",
    port=8000,
    parts=(
        database("postgresql", "shipping-db.internal:5432", 4.0),
        third_party("carrier", "rates.parcelnet.example", 140, 2000),
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

NOTIFICATION = Service(
    name="notification",
    style=Style.PYTHON,
    version="1.11.0",
    port=8000,
    workers=6,
    parts=(
        third_party("mail", "smtp.mailrelay.example", 110, 4000),
        third_party("push", "push.mobile.example", 70, 3000),
        database("postgresql", "notification-db.internal:5432", 3.0),
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


def _job(name: str, target: str, timeout_ms: float) -> Operation:
    return Operation(name=name, method="RUN", route=name, median_ms=2, steps=(call(target, timeout_ms, retries=1),))


SCHEDULER = Service(
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
