"""Generates gen/: Python stubs with types, and the descriptor set that Envoy uses to transcode REST calls.

Third-party protos come from installed packages: the sources of google/* from googleapis-common-protos, the descriptor
of buf/validate from protovalidate.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import google.rpc.status_pb2
import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GEN = ROOT / "gen"
IMAGE = "image.binpb"  # all files with source comments, for buf
THIRD_PARTY = (
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/httpbody.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
)
DESCRIPTORS = "fairdb/descriptors.binpb"  # all files without comments, for Envoy; shipped with the stubs


def write_validate_descriptor(target: Path) -> None:
    """Write buf/validate/validate.proto and its imports as a FileDescriptorSet."""
    descriptors: dict[str, bytes] = {}

    def collect(file: Any) -> None:
        for dependency in file.dependencies:
            collect(dependency)
        descriptors.setdefault(file.name, file.proto.to_binary())

    collect(validate_pb.desc())
    image = FileDescriptorSet()
    for content in descriptors.values():
        image.file.add().ParseFromString(content)
    target.write_bytes(image.SerializeToString(deterministic=True))


def run_protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed: see the messages above")


def generate(target: Path) -> None:
    """Generate all files into `target`, which must be empty."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    google_protos = Path(google.rpc.status_pb2.__file__).parents[2]
    validate = target / "validate.binpb"
    write_validate_descriptor(validate)
    # protoc takes imports from descriptor sets or from folders, not both, so convert the folders to a set first.
    third_party = target / "third_party.binpb"
    run_protoc(
        f"--proto_path={google_protos}",
        f"--proto_path={well_known}",
        f"--descriptor_set_out={third_party}",
        "--include_imports",
        *THIRD_PARTY,
    )
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    imports = f"--descriptor_set_in={third_party}:{validate}"
    common = (f"--proto_path={PROTOS}", imports)
    scripts = Path(sys.executable).parent
    run_protoc(
        *common,
        f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
        f"--python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--grpc_python_out={target}",
        f"--mypy_grpc_out=quiet:{target}",
        *sources,
        "buf/validate/validate.proto",
    )
    run_protoc(
        *common, f"--descriptor_set_out={target / IMAGE}", "--include_imports", "--include_source_info", *sources
    )
    # Envoy needs the descriptors of google.rpc's error details to render errors as JSON.
    run_protoc(
        *common,
        f"--descriptor_set_out={target / DESCRIPTORS}",
        "--include_imports",
        *sources,
        "google/rpc/error_details.proto",
        "google/rpc/status.proto",
    )
    validate.unlink()
    third_party.unlink()
    for folder in {path.parent for path in target.rglob("*_pb2.py")}:
        (folder / "py.typed").touch()


def main() -> None:
    """Replace all of gen/, so that stubs of deleted protos disappear."""
    building = ROOT / ".gen-building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    generate(building)
    shutil.rmtree(GEN, ignore_errors=True)
    building.rename(GEN)


if __name__ == "__main__":
    main()
