"""The Hive metastore of a local cluster: from the jars that come with Spark, on Derby or on MariaDB."""

import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tenure.cluster import metastore_server
from tenure.cluster.hdfs import JAVA_OPTIONS
from tenure.cluster.layout import HOST, Layout, site_xml
from tenure.cluster.processes import Daemons
from tenure.cluster.programs import Programs
from tenure.cluster.thrift import spark_environment, submit
from tenure.core.durable import replace_file
from tenure.core.errors import TenureError, UsageError

PASSWORD = "TENURE_METASTORE_PASSWORD"  # noqa: S105 - the name of a variable
_FORM = "mariadb://user@host:port/database"


@dataclass(frozen=True)
class Database:
    """Where the metastore keeps its tables. Its text never holds the password."""

    url: str
    driver: str
    user: str
    password: str = field(repr=False)


def derby(folder: Path) -> Database:
    """A database of the metastore's own, in a folder."""
    url = f"jdbc:derby:;databaseName={folder / 'metastore_db'};create=true"
    return Database(url, "org.apache.derby.iapi.jdbc.AutoloadedDriver", "APP", "mine")


def mariadb(address: str, environment: Mapping[str, str]) -> Database:
    """An empty database on a server; the password comes from the environment."""
    url = urlsplit(address)
    if url.scheme != "mariadb" or not url.username or not url.hostname or len(url.path) < 2 or url.password:
        raise UsageError(
            "the address of the metastore's database cannot be used",
            cure=f"write it as {_FORM}, the password into the variable {PASSWORD}",
        )
    if PASSWORD not in environment:
        raise UsageError("the password of the metastore's database is not known", cure=f"set {PASSWORD}")
    options = "useMysqlMetadata=true&nullDatabaseMeansCurrent=true"
    place = f"jdbc:mariadb://{url.hostname}:{url.port or 3306}{url.path}?{options}"
    return Database(place, "org.mariadb.jdbc.Driver", unquote(url.username), environment[PASSWORD])


def start_metastore(layout: Layout, programs: Programs, daemons: Daemons, database: Database) -> None:
    """Start the metastore unless it runs. Returns before it is ready."""
    if daemons.pid("metastore"):
        return
    # The settings hold a password, so only the owner may read them; no command line shows it.
    replace_file(layout.settings / "hive-site.xml", site_xml(_settings(layout, database)).encode(), mode=0o600)
    if database.url.startswith("jdbc:mariadb:"):
        _create_tables(layout, programs, database)
    options = {"spark.ui.enabled": "false", "spark.driver.bindAddress": HOST, "spark.driver.host": HOST}
    set_ = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    java = f"{' '.join(JAVA_OPTIONS)} -Dderby.stream.error.file={daemons.log('derby')}"
    words = [*submit(programs), "--driver-memory", "384m", *set_, "--driver-java-options", java]
    driver = ["--driver-class-path", programs.jar("mariadb-java-client")]
    own = [metastore_server.__file__, HOST, str(layout.ports["metastore"])]
    daemons.start("metastore", [*words, *driver, *own], spark_environment(layout, programs))


def _settings(layout: Layout, database: Database) -> dict[str, str]:
    return {
        "javax.jdo.option.ConnectionURL": database.url,
        "javax.jdo.option.ConnectionDriverName": database.driver,
        "javax.jdo.option.ConnectionUserName": database.user,
        "javax.jdo.option.ConnectionPassword": database.password,
        "hive.metastore.uris": layout.metastore,
        "hive.metastore.warehouse.dir": f"{layout.namenode}/user/hive/warehouse",
        "hive.metastore.schema.verification": "false",
        "datanucleus.schema.autoCreateAll": "true",
        "hive.async.log.enabled": "false",
        "hive.metastore.event.db.notification.api.auth": "false",
    }


def _create_tables(layout: Layout, programs: Programs, database: Database) -> None:
    """All tables at once: made one by one, when first needed, they hang on MariaDB."""
    settings = {
        "javax.jdo.PersistenceManagerFactoryClass": "org.datanucleus.api.jdo.JDOPersistenceManagerFactory",
        "datanucleus.ConnectionURL": database.url,
        "datanucleus.ConnectionDriverName": database.driver,
        "datanucleus.ConnectionUserName": database.user,
        "datanucleus.ConnectionPassword": database.password,
        "datanucleus.schema.autoCreateAll": "true",
        "datanucleus.identifierFactory": "datanucleus1",
        "datanucleus.rdbms.useLegacyNativeValueStrategy": "true",
        "datanucleus.storeManagerType": "rdbms",
        "datanucleus.transactionIsolation": "read-committed",
        "datanucleus.plugin.pluginRegistryBundleCheck": "LOG",
    }
    lines = [f"{name}={_escaped(value)}" for name, value in settings.items()]
    properties, tables = layout.settings / "datanucleus.properties", layout.folder / "package.jdo"
    replace_file(properties, "\n".join([*lines, ""]).encode(), mode=0o600)
    with zipfile.ZipFile(programs.spark_jars("hive-metastore")[0]) as jar:
        replace_file(tables, jar.read("package.jdo"))
    tool = ["org.datanucleus.store.schema.SchemaTool", "-create", "-api", "JDO", "-props", properties, tables]
    words = [programs.java, *JAVA_OPTIONS, "-Xmx256m", "-cp", _classpath(programs), *tool]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)  # noqa: S603
    properties.unlink()
    if done.returncode:
        raise TenureError(
            "the tables of the metastore could not be made in its database",
            where=database.url.partition("?")[0],
            cure="check that the server can be reached, and that the user may create tables in an empty database",
        )


def _escaped(value: str) -> str:
    """A value as a properties file holds it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _classpath(programs: Programs) -> str:
    return f"{programs.spark / 'jars'}/*:{programs.jar('mariadb-java-client')}"
