"""A relay in its own process, which tests can kill. It exits with its test, because its standard input then ends."""

import asyncio
import os
import sys

from chassis.events.outbox import Relay
from chassis.events.publisher import Publisher
from chassis.storage.database import MIGRATIONS, open_database


async def main() -> None:
    async with open_database(os.environ["FAIRDB_DATABASE_URL"], [MIGRATIONS]) as database:
        publisher = Publisher(os.environ["FAIRDB_BROKER_URL"], mandatory=["sample.indexed"])
        work = asyncio.gather(publisher.run(), Relay(database, publisher).run())
        await asyncio.to_thread(sys.stdin.read)
        work.cancel()


if __name__ == "__main__":
    asyncio.run(main())
