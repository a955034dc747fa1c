"""Creates an administrator, or promotes an existing account: `python -m auth_svc.first_admin EMAIL`.

It reads the password from standard input, because process lists and the shell's history show arguments.
"""

import asyncio
import getpass
import sys
from collections.abc import Callable

import asyncpg
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from auth_svc import accounts, passwords
from auth_svc.app import FOLDERS
from chassis.storage.database import migrate
from fairdatabase.violations import violations_of
from fairdb.auth.v1.auth_service_pb2 import RegisterRequest
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER


class Settings(BaseSettings):
    """The only setting that this command needs."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", hide_input_in_errors=True)

    database_url: SecretStr


class Refused(Exception):
    """The e-mail address or the password does not meet the rules for registration."""


async def make_admin(database_url: str, email: str, ask_password: Callable[[], str]) -> str:
    """Create an administrator, or promote an account, which keeps its password; return a sentence about the result.

    Raises Refused.
    """
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await migrate(connection, FOLDERS)
            row = await accounts.find_by_email(connection, email)
            if row is not None and (row := await accounts.lock(connection, row["id"])):
                await accounts.set_roles(connection, row["id"], {*row["roles"], int(ROLE_ADMIN)})
                return f"{row['email']} is an administrator now. Its password is unchanged."
            request = RegisterRequest(email=email, password=ask_password())
            if violations := violations_of(request):
                raise Refused("; ".join(f"{violation.field} {violation.description}" for violation in violations))
            password_hash = await passwords.hash_password(request.password)
            account = await accounts.create(connection, email, password_hash, [ROLE_RESEARCHER, ROLE_ADMIN])
            return f"{account.email} is an administrator. The account was created."
    finally:
        await connection.close()


def main() -> None:
    """Read the arguments and, for a new account, the password."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make admin EMAIL=you@example.org, or python -m auth_svc.first_admin EMAIL < PASSWORD")
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue]  # the environment supplies the URL
    except ValidationError:
        sys.exit("Set FAIRDB_DATABASE_URL to auth_svc's database: postgresql://user:password@host:port/database")
    try:
        print(asyncio.run(make_admin(settings.database_url.get_secret_value(), sys.argv[1], read_password)))
    except Refused as error:
        sys.exit(str(error))
    except EOFError:
        # Begin a new line after the password prompt.
        sys.exit("\nNo password was given: no account was created.")
    except OSError as error:
        sys.exit(f"Could not connect to the database ({type(error).__name__}). Is the platform running?")


def read_password() -> str:
    """Return the password; prompt for it on a terminal."""
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


if __name__ == "__main__":
    main()
