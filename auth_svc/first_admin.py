"""Makes an administrator's account, or gives an existing account the role: `python -m auth_svc.first_admin EMAIL`.

The password is read from standard input, so that it stands in no process list and no history.
"""

import asyncio
import getpass
import sys
from collections.abc import Callable

import asyncpg

from auth_svc import accounts, passwords
from auth_svc.app import FOLDERS, Settings
from chassis.storage.database import migrate
from fairdatabase.violations import violations_of
from fairdb.auth.v1.auth_service_pb2 import RegisterRequest
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER


class Refused(Exception):
    """Such an account cannot be made."""


async def make_admin(database_url: str, email: str, ask_password: Callable[[], str]) -> str:
    """Return what was done, in a sentence. An account that exists keeps its password.

    Raises Refused when address or password break the rules of a registration.
    """
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await migrate(connection, FOLDERS)
            row = await accounts.find_by_email(connection, email)
            if row is not None:
                await accounts.set_roles(connection, row["id"], {*row["roles"], int(ROLE_ADMIN)})
                return f"{row['email']} is an administrator now; its password is unchanged."
            request = RegisterRequest(email=email, password=ask_password())
            if violations := violations_of(request):
                raise Refused("; ".join(f"{violation.field} {violation.description}" for violation in violations))
            password_hash = await passwords.hash_password(request.password)
            account = await accounts.create(connection, email, password_hash, [ROLE_RESEARCHER, ROLE_ADMIN])
            return f"{account.email} is an administrator; the account was made."
    finally:
        await connection.close()


def main() -> None:
    """Read the arguments and, for a new account, the password."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make admin EMAIL=you@example.org, or python -m auth_svc.first_admin EMAIL < PASSWORD")
    settings = Settings()  # pyright: ignore[reportCallIssue]  # the environment gives the rest
    try:
        print(asyncio.run(make_admin(settings.database_url.get_secret_value(), sys.argv[1], read_password)))
    except Refused as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The database does not answer: {type(error).__name__}")


def read_password() -> str:
    """Return the password, asked for where somebody sits."""
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


if __name__ == "__main__":
    main()
