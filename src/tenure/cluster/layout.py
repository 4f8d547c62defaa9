"""Where the parts of a local cluster are: ports, addresses, folders, and what is written into its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

DATANODES = 3
_REPLICATION = 2
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Layout:
    """A cluster in `folder`. Ports are the customary ones, moved up by `offset`."""

    folder: Path
    offset: int = 0

    @property
    def ports(self) -> dict[str, int]:
        """What listens where."""
        usual = {"namenode": 8020, "webhdfs": 9870, "metastore": 9083, "thrift": 10000}
        return {name: port + self.offset for name, port in usual.items()}

    @property
    def namenode(self) -> str:
        """The address of HDFS."""
        return f"hdfs://{HOST}:{self.ports['namenode']}"

    @property
    def webhdfs(self) -> str:
        """The address of HDFS by HTTP."""
        return f"http://{HOST}:{self.ports['webhdfs']}"

    @property
    def metastore(self) -> str:
        """The address of the Hive metastore."""
        return f"thrift://{HOST}:{self.ports['metastore']}"

    @property
    def jdbc(self) -> str:
        """What beeline, Hue and DBeaver connect to."""
        return f"jdbc:hive2://{HOST}:{self.ports['thrift']}"

    @property
    def settings(self) -> Path:
        """Hadoop's and Hive's settings files."""
        return self.folder / "conf"

    def hadoop(self) -> dict[str, dict[str, str]]:
        """Hadoop's settings, by file."""
        return {
            "core-site.xml": {"fs.defaultFS": self.namenode, "hadoop.tmp.dir": str(self.folder / "tmp")},
            "hdfs-site.xml": {
                "dfs.replication": str(_REPLICATION),
                "dfs.namenode.name.dir": f"file://{self.folder / 'name'}",
                "dfs.namenode.rpc-address": f"{HOST}:{self.ports['namenode']}",
                "dfs.namenode.http-address": f"{HOST}:{self.ports['webhdfs']}",
                "dfs.webhdfs.enabled": "true",
                # One person's machine, loopback only: whoever can log in may do everything.
                "dfs.permissions.enabled": "false",
                "dfs.namenode.datanode.registration.ip-hostname-check": "false",
                # A dead DataNode is noticed after some 16 s instead of ten minutes.
                "dfs.namenode.heartbeat.recheck-interval": "3000",
                "dfs.heartbeat.interval": "1",
                "dfs.namenode.safemode.extension": "0",
                "dfs.namenode.safemode.min.datanodes": "2",
                # A closed file is on disk, whatever is killed after that.
                "dfs.datanode.synconclose": "true",
                "dfs.datanode.du.reserved": "0",
                "dfs.namenode.resource.du.reserved": "1048576",
            },
        }

    def datanode(self, number: int) -> dict[str, str]:
        """What one DataNode has for itself."""
        return {
            "dfs.datanode.data.dir": f"file://{self.folder / f'data{number}'}",
            "dfs.datanode.address": f"{HOST}:0",
            "dfs.datanode.ipc.address": f"{HOST}:0",
            "dfs.datanode.http.address": f"{HOST}:0",
            "dfs.datanode.hostname": HOST,
        }


def site_xml(values: Mapping[str, str]) -> str:
    """Settings as Hadoop and Hive read them."""
    lines = (
        f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>"
        for name, value in values.items()
    )
    return "\n".join(["<configuration>", *lines, "</configuration>", ""])


LOGGING = """\
rootLogger.level = info
rootLogger.appenderRef.c.ref = c
appender.c.type = Console
appender.c.name = c
appender.c.target = SYSTEM_ERR
appender.c.layout.type = PatternLayout
appender.c.layout.pattern = %d %p %c{1}: %m%n%ex
"""
