"""The platform's database: creates it with a role and a schema for each service, and builds its URLs."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg

DATABASE = "fairdb"
SUPERUSER = "postgres"
SERVICE_ROLE = Path(__file__).with_name("database.sql").read_text()
FIND_DATABASE = "SELECT 1 FROM pg_database WHERE datname = $1"
CREATE_DATABASE = f"CREATE DATABASE {DATABASE}"
SET_ROLE_PARAMETERS = "SELECT set_config('fairdb.role', $1, false), set_config('fairdb.password', $2, false)"
# By default every role may connect to every database, and may use schema `public`.
CLOSE_CLUSTER = f"""
REVOKE ALL ON DATABASE {DATABASE}, postgres, template1 FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""


async def create_database(admin_url: str) -> None:
    """Create the platform's database in our own cluster, and revoke all access from PUBLIC."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        if await connection.fetchval(FIND_DATABASE, DATABASE) is None:
            await connection.execute(CREATE_DATABASE)
    finally:
        await connection.close()
    connection = await asyncpg.connect(in_database(admin_url), timeout=10)
    try:
        await connection.execute(CLOSE_CLUSTER)
    finally:
        await connection.close()


async def create_roles(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Create the role and schema of each service in the URL's database; `passwords` is by role. Idempotent."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for role, password in passwords.items():
            await connection.execute(SET_ROLE_PARAMETERS, role, password)
            await connection.execute(SERVICE_ROLE)
    finally:
        await connection.close()


def in_database(url: str, name: str = DATABASE) -> str:
    """Return the URL with its database replaced, by default by the platform's database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def role_url(admin_url: str, role: str, password: str) -> str:
    """Return the administrator's URL with another user and password; host, database and options stay."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(role, safe='')}:{quote(password, safe='')}@{host}").geturl()
