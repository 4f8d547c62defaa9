"""HDFS of a local cluster: one NameNode and three DataNodes."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tenure.cluster.layout import DATANODES, HOST, LOGGING, Layout, site_xml
from tenure.cluster.processes import Daemons
from tenure.cluster.programs import Programs
from tenure.core.durable import replace_file
from tenure.core.errors import TenureError

JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Djava.net.preferIPv4Stack=true",
    # Nobody else on this machine can attach to it, and it leaves no file behind.
    "-XX:+DisableAttachMechanism",
    "-XX:-UsePerfData",
)
_NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_OF_SPARK = ("hadoop-client-api", "hadoop-client-runtime", "slf4j-api", "log4j", "jcl-over-slf4j", "snappy-java")
_READY_SECONDS = 60.0


def write_settings(layout: Layout) -> None:
    """Hadoop's settings files, as of now."""
    layout.settings.mkdir(parents=True, exist_ok=True)
    for name, values in layout.hadoop().items():
        replace_file(layout.settings / name, site_xml(values).encode())
    replace_file(layout.settings / "log4j2.properties", LOGGING.encode())


def start_hdfs(layout: Layout, programs: Programs, daemons: Daemons) -> None:
    """Start what does not run yet; the first time, with an empty file system. Returns before it is ready."""
    path = _classpath(layout, programs)
    if not (layout.folder / "name" / "current" / "VERSION").is_file():
        _format(programs, path)
    java = [programs.java, *JAVA_OPTIONS]
    daemons.start("namenode", [*java, "-Xmx256m", "-cp", path, _NAMENODE])
    for number in range(1, DATANODES + 1):
        own = [word for name, value in layout.datanode(number).items() for word in ("-D", f"{name}={value}")]
        daemons.start(f"datanode{number}", [*java, "-Xmx192m", "-cp", path, _DATANODE, *own])


def wait_for_hdfs(layout: Layout, daemons: Daemons) -> None:
    """Wait until all DataNodes have joined and files can be written; raises `TenureError` when that does not come."""
    daemons.wait_for_port("namenode", layout.ports["namenode"])
    until = time.monotonic() + _READY_SECONDS
    while (state := hdfs_state(layout)) != (DATANODES, False):
        for number in range(1, DATANODES + 1):
            daemons.expect_alive(f"datanode{number}")
        if time.monotonic() > until:
            live, safe = state or (0, True)
            raise TenureError(
                f"HDFS is not ready after {_READY_SECONDS:.0f} s: {live} of {DATANODES} DataNodes"
                f"{', and it is in safe mode' if safe else ''}",
                where=str(daemons.log("namenode")),
                cure="look into the log; tenure cluster down, then up, starts again",
            )
        time.sleep(0.1)


def hdfs_state(layout: Layout) -> tuple[int, bool] | None:
    """How many DataNodes live, and whether the file system is in safe mode; None when the NameNode gives no answer."""
    try:
        live = _bean(layout, "FSNamesystemState")["NumLiveDataNodes"]
        return int(live), bool(_bean(layout, "NameNodeInfo")["Safemode"])
    except (URLError, OSError, LookupError, ValueError):
        return None


def _bean(layout: Layout, name: str) -> dict[str, Any]:
    address = f"http://{HOST}:{layout.ports['webhdfs']}/jmx?qry=Hadoop:service=NameNode,name={name}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.load(answer)["beans"][0]


def _classpath(layout: Layout, programs: Programs) -> str:
    jars = [*programs.spark_jars(*_OF_SPARK), programs.jar("hadoop-client-minicluster")]
    return ":".join(str(entry) for entry in (layout.settings, programs.web, *jars))


def _format(programs: Programs, path: str) -> None:
    words = [programs.java, *JAVA_OPTIONS, "-cp", path, _NAMENODE, "-format", "-nonInteractive", "-clusterId", "tenure"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise TenureError(
            f"HDFS could not be set up: {last}", where=_folder_of(path), cure="check disk space and permissions"
        )


def _folder_of(path: str) -> str:
    return str(Path(path.split(":", 1)[0]).parent)
