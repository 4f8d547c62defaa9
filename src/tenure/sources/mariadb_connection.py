"""A plain connection to a MariaDB server, for questions and for writing; bulk reading goes by `mariadb_stream`."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from tenure.core.errors import TenureError
from tenure.sources.mariadb_address import Address

_CONNECT_SECONDS = 10


@contextmanager
def connected(address: Address, explain: Callable[[Exception], TenureError], **options: Any) -> Generator[Cursor]:
    """A cursor of a new connection, closed at the end; what the server or the driver says goes through `explain`.

    `options` are PyMySQL's. The error it raised itself is not passed on: it may quote a value or the login.
    """
    try:
        with (
            pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database=address.database,
                charset="utf8mb4",
                connect_timeout=_CONNECT_SECONDS,
                **address.tls_options(),
                **options,
            ) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor
    except (pymysql.MySQLError, RuntimeError, UnicodeError) as error:
        raise explain(error) from None
