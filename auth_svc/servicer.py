"""AuthService and RevocationService."""

from uuid import UUID

import grpc

from auth_svc import accounts, passwords, revocations, sessions
from auth_svc.clients import client_of
from auth_svc.errors import AccountNotFound, CredentialsWrong, RefreshTokenInvalid
from auth_svc.throttle import Throttle
from auth_svc.turns import Turns
from chassis import call_context
from chassis.identity.tokens import Signer, TrustStore
from chassis.storage.database import Database
from fairdb.auth.v1 import auth_service_pb2 as pb
from fairdb.auth.v1 import auth_service_pb2_grpc, revocation_service_pb2_grpc
from fairdb.auth.v1.revocation_service_pb2 import CheckRevocationRequest, CheckRevocationResponse
from fairdb.options.v1.access_pb2 import ROLE_RESEARCHER

Context = grpc.aio.ServicerContext


class AuthServicer(auth_service_pb2_grpc.AuthServiceServicer):
    """Accounts and sessions."""

    def __init__(
        self, database: Database, signer: Signer, trust: TrustStore, mirror: revocations.Mirror, throttle: Throttle
    ) -> None:
        self._database = database
        self._signer = signer
        self._trust = trust
        self._mirror = mirror
        self._throttle = throttle
        self._turns = Turns()

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.Account:
        client = client_of(context)
        self._throttle.begin_registration(client)
        # Apart from the client's log-ins, so that guesses of passwords delay no registration.
        async with self._turns.take(f"register {client}", priority=False):
            password_hash = await passwords.hash_password(request.password)
        async with self._database.transaction() as connection:
            account = await accounts.create(connection, request.email, password_hash, [ROLE_RESEARCHER])
        self._throttle.remember(client, account.email)
        return account

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.Tokens:
        client, email = client_of(context), accounts.normalise_email(request.email)
        with self._throttle.attempt(client, email):
            return await self._log_in(request, client, email)

    async def _log_in(self, request: pb.LoginRequest, client: str, email: str) -> pb.Tokens:
        async with self._database.connection() as connection:
            row = await accounts.find_by_email(connection, request.email)
        known = self._throttle.knows(client, email)
        # Also for an unknown account, so that the time of the answer does not reveal which accounts exist.
        async with self._turns.take(f"{client} {email}" if known else client, priority=known):
            matches = await passwords.verify_password(request.password, row["password_hash"] if row else None)
        if row is None or not matches:
            raise CredentialsWrong
        async with self._database.transaction() as connection:
            # The row that was read before is as old as the computation of the hash, and may name roles since lost.
            now = await accounts.lock(connection, row["id"])
            if now is None or now["password_hash"] != row["password_hash"]:
                raise CredentialsWrong
            return await sessions.open_session(connection, accounts.to_account(now), self._signer)

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.Tokens:
        async with self._database.transaction() as connection:
            account_id = await sessions.owner_of(connection, request.refresh_token)
            row = await accounts.lock(connection, account_id) if account_id else None
            exchange = await sessions.use_refresh_token(connection, request.refresh_token)
            if row is not None and exchange is not None and exchange.good:
                return await sessions.issue(connection, exchange.session_id, accounts.to_account(row), self._signer)
            if exchange is not None:
                await self._end(connection, exchange.session_id)
        raise RefreshTokenInvalid

    async def Logout(self, request: pb.LogoutRequest, context: Context) -> pb.LogoutResponse:
        caller = call_context.current().caller
        async with self._database.transaction() as connection:
            await accounts.lock(connection, UUID(caller.user_id))
            await self._end(connection, UUID(caller.session_id))
        return pb.LogoutResponse()

    async def _end(self, connection: accounts.Connection, session_id: UUID) -> None:
        await sessions.close(connection, session_id)
        await revocations.revoke(connection, session_id)
        await self._mirror.add(session_id)

    async def GetMe(self, request: pb.GetMeRequest, context: Context) -> pb.Account:
        async with self._database.connection() as connection:
            return await accounts.get(connection, UUID(call_context.current().caller.user_id))

    async def SetAccountRoles(self, request: pb.SetAccountRolesRequest, context: Context) -> pb.Account:
        account_id = UUID(request.id)
        async with self._database.transaction() as connection:
            before = await accounts.lock(connection, account_id)
            if before is None:
                raise AccountNotFound
            account = await accounts.set_roles(connection, account_id, request.roles)
            if set(before["roles"]) - set(account.roles):
                # Issued tokens name the old roles, so an account that loses a role loses its sessions.
                for session_id in await sessions.of_account(connection, account_id):
                    await self._end(connection, session_id)
        return account

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Context) -> pb.RevokeTokenResponse:
        token_id = UUID(request.token_id)
        async with self._database.transaction() as connection:
            await revocations.revoke(connection, token_id)
            await self._mirror.add(token_id)
        return pb.RevokeTokenResponse()

    async def GetJwks(self, request: pb.GetJwksRequest, context: Context) -> pb.Jwks:
        return pb.Jwks(keys=[pb.Jwk(**document) for document in self._trust.documents()])


class RevocationServicer(revocation_service_pb2_grpc.RevocationServiceServicer):
    """Answers from the database when callers cannot rely on Redis."""

    def __init__(self, mirror: revocations.Mirror) -> None:
        self._mirror = mirror

    async def CheckRevocation(self, request: CheckRevocationRequest, context: Context) -> CheckRevocationResponse:
        return CheckRevocationResponse(revoked=await self._mirror.is_revoked(request.token_id, request.session_id))
