"""``python -m localcloud.arm``: serve the provider to a Pulumi engine, which reads the port."""

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.arm.provider import AzureNative

_THREADS = 64
"""More than an engine has resources under way at once: a call that waits for ARM holds a thread, and there
must be one left for Cancel."""
_ENGINE_GONE_S = 2.0
"""How soon the provider ends after an engine that was killed."""


def main() -> None:
    """Serve until the engine ends."""
    engine = os.getppid()
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_GRPC_CHANNEL_OPTIONS)
    provider = AzureNative()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while server.wait_for_termination(_ENGINE_GONE_S) and os.getppid() == engine:
        pass
    provider.cancel()


if __name__ == "__main__":
    main()
