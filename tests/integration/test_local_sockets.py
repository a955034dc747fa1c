"""PostgreSQL and Redis on Unix sockets: other users cannot reach them, whatever the folder's name."""

import asyncio
import os
import pwd
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from deploy.local.constellation import Constellation
from deploy.local.ports import Ports

SERVERS = ["postgres", "redis"]
NAMES = ["a b, c", "quote\" 'q' %2F é", "too long for a socket" * 10]


@pytest.mark.parametrize("name", NAMES)
async def test_other_users_cannot_reach_a_server(tmp_path: Path, name: str) -> None:
    async with Constellation(tmp_path / name, Ports.free(), components=SERVERS) as running:
        connection = await asyncpg.connect(running.plan.superuser_url)
        await connection.close()
        async with Redis.from_url(running.plan.redis_admin_url) as redis:
            assert await redis.ping()
        for server in SERVERS:
            await check_only_we_reach(psutil.Process(running.pid(server)))


async def check_only_we_reach(server: psutil.Process) -> None:
    """Check that the server has one socket, in a folder closed to others. As root, let another user try."""
    assert [found for found in server.net_connections("inet") if found.status == psutil.CONN_LISTEN] == []
    (socket,) = {Path(str(found.laddr)) for found in server.net_connections("unix") if found.laddr}
    folder = socket.parent.stat()
    assert (folder.st_mode & 0o777, folder.st_uid) == (0o700, server.uids().real)
    stranger = pwd.getpwnam("nobody")
    if os.geteuid() == 0 and server.uids().real != stranger.pw_uid:
        look = await asyncio.create_subprocess_exec(
            *("stat", socket), user=stranger.pw_uid, group=stranger.pw_gid, extra_groups=[], stderr=PIPE
        )
        _, error = await look.communicate()
        assert b"Permission denied" in error
