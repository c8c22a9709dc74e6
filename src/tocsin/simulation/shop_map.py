"""The shop: what can go wrong needs something that it can happen to."""

from tocsin.simulation.map_back import CHECKOUT, INVENTORY, NOTIFICATION, PAYMENT, SCHEDULER, SHIPPING
from tocsin.simulation.map_front import API_GATEWAY, AUTH, CART, CATALOG, GATEWAY, RECOMMENDATION, SEARCH
from tocsin.simulation.topology import CronJob, ShopMap

SHOP = ShopMap(
    services=(
        API_GATEWAY,
        AUTH,
        CATALOG,
        CART,
        CHECKOUT,
        PAYMENT,
        INVENTORY,
        SHIPPING,
        NOTIFICATION,
        RECOMMENDATION,
        SEARCH,
        SCHEDULER,
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

__all__ = ["GATEWAY", "SHOP"]
