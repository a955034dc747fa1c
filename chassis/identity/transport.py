"""How calls between processes travel: over mutual TLS, or in the care of a sidecar.

With mutual TLS both ends show a certificate before the first byte of a call, and each checks the name of the other. The
certificate is the current one of the process's folder: a connection that begins after a renewal uses the new one.

A sidecar, such as Istio's, does the same outside this process, which then speaks plain gRPC to it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import grpc
from prometheus_client import Gauge

from chassis.identity.certificates import Certificate, Certificates, Peer, peer_of

ENDS = Gauge("certificate_not_after_seconds", "When the certificate of this process ends, in seconds since 1970.")

_REFRESH_SECONDS = 1.0

Options = Sequence[tuple[str, Any]]


class PeerUnknown(Exception):
    """The other end of a connection has no certificate of the platform."""


class Transport(Protocol):
    """Opens channels and ports."""

    @property
    def certificate(self) -> Certificate | None:
        """The certificate that new connections show; None if a sidecar shows one."""
        ...

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        """Open a channel to addresses of a service, which must prove that they are that service."""
        ...

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        """Let a server listen; return the port."""
        ...

    def peer(self, context: grpc.aio.ServicerContext) -> Peer | None:
        """Return who calls; None if only a sidecar knows. Raises PeerUnknown."""
        ...


class MutualTls:
    """TLS, with a certificate at both ends."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        ENDS.set(certificates.current.not_after.timestamp())

    @property
    def certificate(self) -> Certificate:
        return self._certificates.current

    async def keep_current(self) -> None:
        """Follow renewals until cancelled."""
        while True:
            if self._certificates.refresh():
                ENDS.set(self.certificate.not_after.timestamp())
            await asyncio.sleep(_REFRESH_SECONDS)

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        return tls_channel(self.certificate, service, target, options)

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        shown = self.certificate

        def renewed() -> Any:
            """Return the certificate for a new connection; None if it is still the last one. gRPC's threads call it."""
            nonlocal shown
            current = self.certificate
            if current is shown:
                return None
            shown = current
            return _configuration(current)

        credentials = grpc.dynamic_ssl_server_credentials(
            _configuration(shown), renewed, require_client_authentication=True
        )
        return server.add_secure_port(address, credentials)

    def peer(self, context: grpc.aio.ServicerContext) -> Peer:
        proven = context.auth_context()
        spiffe, certificate = (next(iter(proven.get(name, ())), b"") for name in ("peer_spiffe_id", "x509_pem_cert"))
        peer = peer_of(spiffe, certificate)
        if peer is None:
            raise PeerUnknown
        return peer


class Sidecar:
    """Plain gRPC to a sidecar, which encrypts, and checks both names."""

    certificate = None

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(target, options=options)

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        return server.add_insecure_port(address)

    def peer(self, context: grpc.aio.ServicerContext) -> None:
        return None


def tls_channel(
    certificate: Certificate,
    service: str,
    target: str,
    options: Options = (),
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """Open a channel that shows a certificate and accepts only a server that proves to be `service`."""
    credentials = grpc.ssl_channel_credentials(certificate.authorities, certificate.key, certificate.chain)
    # The registry gives addresses; what must match the certificate is the name of the service.
    named = (*options, ("grpc.ssl_target_name_override", service))
    return grpc.aio.secure_channel(target, credentials, options=named, interceptors=interceptors)


def _configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(certificate.key, certificate.chain)], certificate.authorities)
