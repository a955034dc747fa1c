"""Makes an administrator's account, or gives an existing account the role: `python -m auth_svc.first_admin EMAIL`.

The password is read from standard input, so that it stands in no process list and no history.
"""

import asyncio
import getpass
import sys

import asyncpg

from auth_svc import accounts, passwords
from auth_svc.app import FOLDERS, Settings
from chassis.database import migrate
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER

MIN_PASSWORD = 10


async def make_admin(database_url: str, email: str, password: str) -> str:
    """Return what was done, in a sentence. An account that exists keeps its password."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await migrate(connection, FOLDERS)
            row = await accounts.find_by_email(connection, email)
            if row is not None:
                await accounts.set_roles(connection, row["id"], {*row["roles"], int(ROLE_ADMIN)})
                return f"{row['email']} is an administrator now; its password is unchanged."
            password_hash = await passwords.hash_password(password)
            account = await accounts.create(connection, email, password_hash, [ROLE_RESEARCHER, ROLE_ADMIN])
            return f"{account.email} is an administrator; the account was made."
    finally:
        await connection.close()


def main() -> None:
    """Read the arguments and the password."""
    if len(sys.argv) != 2 or "@" not in sys.argv[1]:
        sys.exit("usage: python -m auth_svc.first_admin EMAIL < PASSWORD")
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < MIN_PASSWORD:
        sys.exit(f"The password needs at least {MIN_PASSWORD} characters.")
    settings = Settings()  # pyright: ignore[reportCallIssue]  # the environment gives the rest
    print(asyncio.run(make_admin(settings.database_url.get_secret_value(), sys.argv[1], password)))


if __name__ == "__main__":
    main()
