"""How each family of programs puts a message, its logger and an error's stack into words.

All is done once, at the start: what comes out are ``%``-formats that are safe inside a JSON text.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.simulation.topology import Service, Style

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
_LEVEL_WORDS = {
    Style.GO: {"DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error", "FATAL": "fatal"},
    Style.NODE: {"DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error", "FATAL": "fatal"},
    Style.PYTHON: {"WARN": "WARNING", "FATAL": "CRITICAL"},
    Style.NGINX: {"DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error", "FATAL": "crit"},
    Style.CPP: {"DEBUG": "D", "INFO": "I", "WARN": "W", "ERROR": "E", "FATAL": "F"},
}
_NO_FRAMES = 3


@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error's own words: ``name`` is what its language calls it, ``cause`` is the error under it."""

    name: str
    text: str
    cause: "ErrorText | None" = None


def as_format(text: str) -> str:
    """A text with ``{variables}`` as a ``%``-format inside a JSON text."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1].replace("%", "%%")
    return _VARIABLE.sub(r"%(\1)s", escaped)


def level_word(style: Style, level: str) -> str:
    """How programs of that family spell a level."""
    return _LEVEL_WORDS.get(style, {}).get(level, level)


def message(service: Service, level: str, logger: str, text: str, *, has_trace: bool) -> str:
    """The whole message, as the family's usual layout has it; without a trace it comes from no request."""
    name = service.name
    place = 20 + zlib.crc32(text.encode()) % 400
    match service.style:
        case Style.JAVA:
            thread = f"nio-{service.port}-exec-{{thread}}" if has_trace else "scheduling-1"
            return f"[{thread}] c.s.{name}.{logger or _title(name) + 'Service'} : {text}"
        case Style.PYTHON:
            return f"{name}.{(logger or 'app').lower()}: {text}"
        case Style.GO:
            head, _, fields = text.partition(" :: ")
            quoted = json.dumps(head, ensure_ascii=False)
            source = f"{(logger or 'server').lower()}.go:{place}"
            return f"level={level.lower()} caller={source} msg={quoted}" + (f" {fields}" if fields else "")
        case Style.CPP:
            return f"{(logger or 'main').lower()}.cc:{place}] {text}"
    return text


def short(error: ErrorText, style: Style) -> str:
    """The error in one line."""
    if style in (Style.JAVA, Style.PYTHON, Style.NODE) and error.name:
        return f"{error.name}: {error.text}" if style is Style.PYTHON else f"{error.name.split('.')[-1]}: {error.text}"
    return error.text


def stack(error: ErrorText, service: Service, operation: str) -> str:
    """What follows the message: a stack trace where the family writes one, else nothing."""
    if service.style is Style.JAVA:
        return "\n" + "\n".join(_java(error, service.name, operation))
    if service.style is Style.PYTHON:
        return "\n" + "\n".join(_python(error, service.name, operation))
    if service.style is Style.NODE:
        lines = [f"{error.name.split('.')[-1]}: {error.text}", *_node_frames(service.name, operation)]
        return "\n" + "\n".join(lines)
    return ""


def _title(name: str) -> str:
    return "".join(part.title() for part in re.split(r"[-_]", name))


def _camel(name: str) -> str:
    first, *others = re.split(r"[-_]", name)
    return first + "".join(part.title() for part in others)


def _number(*seed: str) -> int:
    return 18 + zlib.crc32("/".join(seed).encode()) % 300


def _java(error: ErrorText, service: str, operation: str) -> list[str]:
    package = f"com.shop.{service}"
    method, title = _camel(operation), _title(service)
    own = [
        f"{package}.{title}Repository.{method}({title}Repository.java:{_number(error.name, operation)})",
        f"{package}.{title}Service.{method}({title}Service.java:{_number(service, operation)})",
        f"{package}.api.{title}Controller.{method}({title}Controller.java:{_number(operation)})",
    ]
    lines = [f"{error.name}: {error.text}", *(f"\tat {frame}" for frame in (*_java_frames(error.name), *own))]
    lines += [
        "\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)",
        "\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:255)",
        "\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)",
        "\tat org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:149)",
        "\tat java.base/java.lang.Thread.run(Thread.java:1583)",
    ]
    cause = error.cause
    while cause is not None:
        lines += [f"Caused by: {cause.name}: {cause.text}", *(f"\tat {frame}" for frame in _java_frames(cause.name))]
        lines.append(f"\t... {40 + _number(cause.name) % 50} common frames omitted")
        cause = cause.cause
    return lines


_JAVA_FRAMES: Sequence[tuple[str, Sequence[str]]] = (
    (
        "springframework.jdbc",
        (
            "org.springframework.jdbc.datasource.DataSourceUtils.getConnection(DataSourceUtils.java:84)",
            "org.springframework.jdbc.core.JdbcTemplate.execute(JdbcTemplate.java:650)",
        ),
    ),
    (
        "springframework.dao",
        (
            "org.springframework.jdbc.support.SQLExceptionSubclassTranslator.doTranslate(SQLExceptionSubclassTranslator.java:79)",
            "org.springframework.jdbc.core.JdbcTemplate.translateException(JdbcTemplate.java:1575)",
        ),
    ),
    (
        "SQLTransientConnection",
        (
            "com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)",
            "com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)",
            "com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:128)",
        ),
    ),
    (
        "postgresql",
        (
            "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
            "org.postgresql.core.v3.QueryExecutorImpl.execute(QueryExecutorImpl.java:371)",
            "org.postgresql.jdbc.PgPreparedStatement.executeWithFlags(PgPreparedStatement.java:180)",
        ),
    ),
    (
        "ssl",
        (
            "java.base/sun.security.ssl.Alert.createSSLException(Alert.java:130)",
            "java.base/sun.security.ssl.TransportContext.fatal(TransportContext.java:378)",
            "java.base/sun.security.ssl.SSLSocketImpl.startHandshake(SSLSocketImpl.java:450)",
        ),
    ),
    (
        "java.net",
        (
            "java.base/sun.nio.ch.NioSocketImpl.timedFinishConnect(NioSocketImpl.java:546)",
            "java.base/sun.nio.ch.NioSocketImpl.connect(NioSocketImpl.java:592)",
            "java.base/java.net.Socket.connect(Socket.java:751)",
        ),
    ),
    (
        "springframework.web.client",
        (
            "org.springframework.web.client.RestTemplate.doExecute(RestTemplate.java:905)",
            "org.springframework.web.client.RestTemplate.exchange(RestTemplate.java:688)",
        ),
    ),
    (
        "kafka",
        (
            "org.apache.kafka.clients.producer.KafkaProducer.doSend(KafkaProducer.java:1061)",
            "org.apache.kafka.clients.producer.KafkaProducer.send(KafkaProducer.java:962)",
        ),
    ),
)


def _java_frames(name: str) -> Sequence[str]:
    return next((frames for part, frames in _JAVA_FRAMES if part in name), ())


def _python(error: ErrorText, service: str, operation: str) -> list[str]:
    lines = [*_python(error.cause, service, operation), "", _PYTHON_CAUSE, ""] if error.cause else []
    root = f"/app/{service}"
    step = _PYTHON_CALLS.get(error.name.partition(".")[0], "self._step")
    lines += [
        "Traceback (most recent call last):",
        f'  File "{root}/handlers.py", line {_number(service, operation)}, in {operation}',
        f"    result = await self.{operation}_service.run(request)",
        f'  File "{root}/{operation}.py", line {_number(operation, error.name)}, in run',
        f"    return await {step}(payload, timeout=self.timeout)",
    ]
    library = next((frame for part, frame in _PYTHON_FRAMES if part in error.name), None)
    if library:
        lines += [f"  File {library}"]
    return [*lines, f"{error.name}: {error.text}"]


_PYTHON_CAUSE = "The above exception was the direct cause of the following exception:"
_PYTHON_CALLS = {"sqlalchemy": "self.session.execute", "psycopg": "connection.execute", "httpx": "self.client.post"}
_SITE = '"/usr/local/lib/python3.11/site-packages'
_PYTHON_FRAMES = (
    ("sqlalchemy", f'{_SITE}/sqlalchemy/pool/impl.py", line 166, in _do_get'),
    ("psycopg", f'{_SITE}/psycopg/connection_async.py", line 117, in connect'),
    ("httpx", f'{_SITE}/httpx/_transports/default.py", line 89, in map_httpcore_exceptions'),
    ("redis", f'{_SITE}/redis/asyncio/connection.py", line 277, in connect'),
    ("smtplib", '"/usr/local/lib/python3.11/smtplib.py", line 398, in getreply'),
    ("ssl", '"/usr/local/lib/python3.11/ssl.py", line 1382, in do_handshake'),
    ("socket", '"/usr/local/lib/python3.11/socket.py", line 962, in getaddrinfo'),
)


def _node_frames(service: str, operation: str) -> list[str]:
    root = f"/srv/{service}/dist"
    return [
        f"    at {_title(operation)}Handler.{operation} ({root}/handlers/{operation}.js:{_number(operation)}:17)",
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
        f"    at async {root}/server.js:{_number(service)}:9",
        "    at async Object.<anonymous> (/srv/node_modules/fastify/lib/preHandler.js:44:5)",
    ][: _NO_FRAMES + 1]
