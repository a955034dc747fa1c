"""Envoy's side of mutual TLS: the files of its certificate (SDS), and the settings that use them."""

import json
from pathlib import Path

import structlog

from chassis.files import write_atomically
from chassis.identity.certificates import EDGE, Certificate, CertificateInvalid, Certificates, spiffe_id
from edge.files import EdgeFiles
from edge.typed import Config, shared, typed

log = structlog.get_logger()

_AUTHORITIES = "authorities"
_RESOURCE = "envoy.extensions.transport_sockets.tls.v3.Secret"


class CertificateCopy:
    """Copies Envoy's certificate when it is renewed. The last one stays in use while the folder is unreadable."""

    def __init__(self, folder: Path, files: EdgeFiles) -> None:
        self._folder = folder
        self._files = files
        self._certificates: Certificates | None = None
        self._published: Certificate | None = None

    def refresh(self) -> None:
        """Copy the certificate if it has changed since the last copy. Raises OSError."""
        if self._certificates is None:
            try:
                self._certificates = Certificates(self._folder)
            except CertificateInvalid as error:
                log.warning("certificate_unreadable", reason=str(error))
                return
        self._certificates.refresh()
        current = self._certificates.current
        if current is not self._published:
            publish_certificate(self._files, current)
            # Only now: if a file could not be written, the next call writes it.
            self._published = current


def publish_certificate(files: EdgeFiles, certificate: Certificate) -> None:
    """Make Envoy use a certificate, and trust its authorities."""
    own = {
        "certificate_chain": {"inline_string": certificate.chain.decode()},
        "private_key": {"inline_string": certificate.key.decode()},
    }
    trusted = {"trusted_ca": {"inline_string": certificate.authorities.decode()}}
    _write(files.authorities, typed(_RESOURCE, name=_AUTHORITIES, validation_context=trusted))
    _write(files.certificate, typed(_RESOURCE, name=EDGE, tls_certificate=own))


def prepare_secrets(files: EdgeFiles) -> None:
    """Write the files without a certificate, unless they exist: Envoy does not start if they are absent.

    Envoy then reaches no service until it has a certificate.
    """
    for file in (files.authorities, files.certificate):
        if not file.exists():
            _write(file)


def build_transport_socket(files: EdgeFiles, service: str) -> Config:
    """Return the transport socket of a cluster, which shows Envoy's certificate and accepts only the service's."""
    context = {
        # Envoy's clients speak at most TLS 1.2 unless they are told otherwise.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2"],
        "tls_certificate_sds_secret_configs": [shared("own_certificate", _following(EDGE, files.certificate))],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": spiffe_id(service)}}]
            },
            "validation_context_sds_secret_config": shared(
                "trusted_authorities", _following(_AUTHORITIES, files.authorities)
            ),
        },
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            sni=service,
            common_tls_context=context,
            # A resumed session would show the certificate of an earlier connection.
            max_session_keys=0,
        ),
    }


def _following(name: str, file: Path) -> Config:
    return {
        "name": name,
        "sds_config": {
            "path_config_source": {"path": str(file), "watched_directory": {"path": str(file.parent)}},
            "resource_api_version": "V3",
        },
    }


def _write(file: Path, *secrets: Config) -> None:
    write_atomically(file, json.dumps({"resources": secrets}, indent=1), mode=0o600)
