"""The Java process behind the Spark engine: quiet, private, and gone after close."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("java")

PRELUDE = "import sys\nfrom pathlib import Path\n"


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own: one process has one Spark."""
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + script, *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, **environment},
    )


def test_a_spark_is_alone_listens_on_the_loopback_and_leaves_nothing_behind(tmp_path: Path) -> None:
    work = tmp_path / "work dir"
    work.mkdir()
    script = """
import logging, os, signal, subprocess
from tenure.core.errors import TenureError
from tenure.engine.spark import SparkEngine
os.chdir(sys.argv[1])

def java():
    listed = subprocess.run(["pgrep", "-P", str(os.getpid()), "java"], capture_output=True, text=True)
    return [int(number) for number in listed.stdout.split()]

def listens_on(process):
    inodes = {os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir() if entry.is_symlink()}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                yield fields[1].split(":")[0]

engine = SparkEngine(Path("scratch dir"), memory="600MB", threads=1)
assert len(java()) == 1
print(*sorted(set(listens_on(java()[0]))))
try:
    SparkEngine(Path("scratch dir"))
except TenureError as error:
    print(error.cure)
try:
    engine.query("SELECT CAST(s AS DATE) FROM (VALUES ('Mustermann')) AS v(s)")
except TenureError as error:
    print(error.what)
engine.close()
engine.close()
assert java() == []

engine = SparkEngine(Path("scratch dir"), memory="600MB", threads=1)
assert engine.query("SELECT 2 AS n").to_pylist() == [{"n": 2}]
logging.disable()  # py4j itself reports the broken connection
os.kill(java()[0], signal.SIGKILL)
try:
    engine.query("SELECT 3 AS n")
except TenureError as error:
    print(error.cure)
engine.close()
assert java() == []
assert list(Path("scratch dir").iterdir()) == []
"""
    done = run(script, str(work))
    assert (done.stderr, done.returncode) == ("", 0)
    addresses, second, value, killed = done.stdout.splitlines()
    loopbacks = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert set(addresses.split()) <= loopbacks
    assert addresses
    assert second == "close the other engine first"
    assert "Mustermann" not in value
    assert killed == "run the command again"
    assert [entry.name for entry in work.iterdir()] == ["scratch dir"]


def test_without_java_the_error_says_what_to_install(tmp_path: Path) -> None:
    script = """
from tenure.core.errors import TenureError
from tenure.engine.spark import SparkEngine
try:
    SparkEngine(Path(sys.argv[1]))
except TenureError as error:
    print(error)
"""
    done = run(script, str(tmp_path), PATH="/nowhere", JAVA_HOME="")
    assert "Spark needs Java" in done.stdout
    assert "apt-get install default-jre-headless" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_java_that_does_not_start_is_named(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'this Java is too old' >&2\nexit 1\n")
    java.chmod(0o755)
    script = """
from tenure.core.errors import TenureError
from tenure.engine.spark import SparkEngine
try:
    SparkEngine(Path(sys.argv[1]) / "scratch")
except TenureError as error:
    print(error)
"""
    done = run(script, str(tmp_path), JAVA_HOME=str(tmp_path))
    assert "Java did not start Spark: this Java is too old" in done.stdout
    assert "Java 17" in done.stdout


def test_without_pyspark_the_error_says_what_to_install() -> None:
    script = """
sys.modules["pyspark"] = None
from tenure.core.errors import TenureError
try:
    import tenure.engine.spark
except TenureError as error:
    print(error)
"""
    assert "pip install 'tenure[spark]'" in run(script).stdout


@pytest.mark.parametrize("memory", ["much", "4", "-1GB"])
def test_memory_that_is_no_amount_is_refused(tmp_path: Path, memory: str) -> None:
    script = """
from tenure.core.errors import TenureError
from tenure.engine.spark import SparkEngine
try:
    SparkEngine(Path(sys.argv[1]), memory=sys.argv[2])
except TenureError as error:
    print(error)
"""
    assert 'write it as "4GB"' in run(script, str(tmp_path), memory).stdout
