"""What a cluster runs with: Java, Spark and a few jars. Each that is missing is named with how to get it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from tenure.core.errors import TenureError

_JARS = ("hadoop-client-minicluster", "mariadb-java-client")
_OLDEST_JAVA = 17


@dataclass(frozen=True)
class Programs:
    """Where the programs are: `java`, Spark's folder, and a folder with jars and Hadoop's web pages."""

    java: Path
    spark: Path
    jars: Path

    @property
    def web(self) -> Path:
        """A folder whose `webapps/` Hadoop serves; unpacked, because reading them from the jar takes seconds."""
        return self.jars / "web"

    def jar(self, name: str) -> Path:
        """The one jar of that name, of those fetched."""
        return next(self.jars.glob(f"{name}-*.jar"))

    def spark_jars(self, *names: str) -> list[Path]:
        """Jars that come with Spark, by the beginnings of their names."""
        return [jar for name in names for jar in sorted((self.spark / "jars").glob(f"{name}-*.jar"))]


def missing_programs() -> list[TenureError]:
    """Everything that keeps a cluster from starting here, each with its cure; empty when nothing does."""
    return [problem for problem in (_java_problem(), _spark_problem(), _jars_problem()) if problem]


def find_programs() -> Programs:
    """All programs; jars are fetched the first time. Raises `TenureError` for what is missing."""
    for problem in missing_programs():
        raise problem
    java, spark = _java(), _spark()
    assert java and spark
    return Programs(java, spark, _fetched_jars())


def _java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    return Path(found) if found else None


def _java_problem() -> TenureError | None:
    cure = "install a Java runtime of version 17 or newer, for instance: apt-get install openjdk-17-jre-headless"
    java = _java()
    if java is None:
        return TenureError("a cluster needs Java, and there is none", cure=cure)
    said = subprocess.run([java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    lines = (line.split("=") for line in said.stderr.splitlines() if "java.specification.version =" in line)
    version = next((line[1].strip() for line in lines), "")
    if not version.isdigit() or int(version) < _OLDEST_JAVA:
        return TenureError(f"Java is {version or 'of an unknown version'}", where=str(java), cure=cure)
    return None


def _spark() -> Path | None:
    spec = find_spec("pyspark")
    return Path(spec.origin).parent if spec and spec.origin else None


def _spark_problem() -> TenureError | None:
    cure = "install it into the environment of Tenure: pip install 'tenure[spark]'"
    return None if _spark() else TenureError("a cluster needs Spark, and pyspark is not installed", cure=cure)


def _cache() -> Path:
    """Where the jars of this version of the list are kept; another list is another folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tenure" / f"cluster-{hashlib.sha256(_pom().encode()).hexdigest()[:12]}"


def _pom() -> str:
    return (files("tenure.cluster") / "pom.xml").read_text(encoding="utf-8")


def _jars_problem() -> TenureError | None:
    if _cache().is_dir() or shutil.which("mvn"):
        return None
    return TenureError(
        "the jars of HDFS have not been fetched, and Maven, which fetches them, is not installed",
        cure="install it, for instance: apt-get install maven",
    )


def _fetched_jars() -> Path:
    folder = _cache()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        pom, jars = Path(work) / "pom.xml", Path(work) / "jars"
        pom.write_text(_pom(), encoding="utf-8")
        maven = shutil.which("mvn") or "mvn"
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
        done = subprocess.run([maven, "-q", "-B", "-f", pom, *goal], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode or not all(list(jars.glob(f"{name}-*.jar")) for name in _JARS):
            told = next((line for line in done.stdout.splitlines() if "ERROR" in line), "it gave no reason")
            raise TenureError(
                f"Maven could not fetch the jars of HDFS: {told.removeprefix('[ERROR] ')}",
                cure="check that this machine reaches Maven Central, or its mirror in ~/.m2/settings.xml",
            )
        with zipfile.ZipFile(next(jars.glob("hadoop-client-minicluster-*.jar"))) as jar:
            jar.extractall(jars / "web", [name for name in jar.namelist() if name.startswith("webapps/")])
        try:
            jars.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another command was faster
                raise
    return folder


def python() -> str:
    """The interpreter that Spark's workers must use: this one, which has Tenure."""
    return sys.executable
