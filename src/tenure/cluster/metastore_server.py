"""A program of its own, run by spark-submit: the Hive metastore, listening on the loopback address only.

Hive's own main program of this version listens on every address of the machine and has no setting against it. This
one builds the same server from Hive's classes, with a socket of its own. Imports nothing of Tenure.
"""

import os
import sys
from typing import Any

from py4j.java_gateway import (  # pyright: ignore[reportMissingTypeStubs]
    GatewayParameters,
    JavaGateway,
)


def main(host: str, port: int) -> None:
    """Serve until ended."""
    secret = os.environ["PYSPARK_GATEWAY_SECRET"]
    parameters = GatewayParameters(port=int(os.environ["PYSPARK_GATEWAY_PORT"]), auth_token=secret, auto_convert=True)
    jvm: Any = JavaGateway(gateway_parameters=parameters).jvm
    metastore, thrift = jvm.org.apache.hadoop.hive.metastore, jvm.org.apache.thrift
    settings = jvm.org.apache.hadoop.hive.conf.HiveConf()
    base = metastore.HiveMetaStore.HMSHandler("tenure", settings, False)
    handler = metastore.HiveMetaStore.newRetryingHMSHandler(base, settings)
    socket = thrift.transport.TServerSocket(jvm.java.net.InetSocketAddress(host, port))
    wanted = thrift.server.TThreadPoolServer.Args(socket)
    wanted = wanted.processor(metastore.TSetIpAddressProcessor(handler))
    wanted = wanted.transportFactory(thrift.transport.TTransportFactory())
    wanted = wanted.protocolFactory(thrift.protocol.TBinaryProtocol.Factory())
    server = thrift.server.TThreadPoolServer(wanted.minWorkerThreads(4).maxWorkerThreads(200))
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
