"""Short words for the parts and steps that most services have."""

from tocsin.simulation.topology import Call, Operation, Part, PartKind


def database(engine: str, address: str, median_ms: float = 4.0, places: int = 6, name: str = "db") -> Part:
    """Rows or documents somewhere."""
    return Part(
        name=name, kind=PartKind.DATABASE, engine=engine, address=address, median_ms=median_ms, sigma=0.6, places=places
    )


def cache(address: str, hit_share: float) -> Part:
    """A cache, so quick that hardly anybody waits for it."""
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


def queue(name: str = "queue") -> Part:
    """A topic to write to."""
    return Part(name=name, kind=PartKind.QUEUE, engine="kafka", address="kafka-0.kafka:9092", median_ms=2.5, places=16)


def third_party(name: str, address: str, median_ms: float, limit_ms: float) -> Part:
    """Somebody else's API."""
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


def entry(name: str, method: str, route: str, *steps: Call, status: int = 200) -> Operation:
    """What a browser or an app asks the gateway for."""
    return Operation(name=name, method=method, route=route, steps=steps, median_ms=0.8, sigma=0.4, status=status)


def call(target: str, timeout_ms: float, retries: int = 0, share: float = 1.0, optional: bool = False) -> Call:
    """A call of ``service.operation``."""
    service, operation = target.split(".")
    return Call(
        service=service, operation=operation, timeout_ms=timeout_ms, retries=retries, share=share, is_optional=optional
    )
