"""Reads a flow of NiFi, as JSON or XML of 1.x or 2.x: its processors, services and who follows whom.

A flow is another program's file: entities of XML are refused, sizes and depths are bounded, and no expression in it
is computed.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from xml.parsers import expat

from tenure.core.errors import UsageError

_LARGEST = 64 << 20
_DEEPEST = 200
_REFERENCE = re.compile(r"[$#]\{([A-Za-z0-9_. -]{1,200})\}")


@dataclass(frozen=True)
class Component:
    """A processor or a service: `type` is the last word of its class, `properties` those that have a value."""

    id: str
    name: str
    type: str
    properties: Mapping[str, str]
    schedule: str = ""

    def value(self, *names: str, default: str = "") -> str:
        """A property by any of the names that versions of NiFi give it."""
        plain = {_plain(name): value for name, value in self.properties.items()}
        return next((plain[name] for name in map(_plain, names) if plain.get(name)), default)


@dataclass
class Flow:
    """Everything of a flow that matters here; `values` are its variables and parameters."""

    processors: list[Component] = field(default_factory=list[Component])
    services: dict[str, Component] = field(default_factory=dict[str, Component])
    follows: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    values: dict[str, str] = field(default_factory=dict[str, str])

    def resolved(self, text: str) -> str | None:
        """A property's text with variables and parameters put in; None where one is not known."""
        filled = _REFERENCE.sub(lambda found: self.values.get(found[1].strip(), found[0]), text)
        return None if "${" in filled or "#{" in filled else filled

    def after(self, first: Component) -> list[Component]:
        """The processors that what one gives goes through, nearest first."""
        by_id = {processor.id: processor for processor in self.processors}
        found: dict[str, Component] = {}
        waiting = [first.id]
        while waiting:
            for following in self.follows.get(waiting.pop(0), []):
                if following in by_id and following not in found and following != first.id:
                    found[following] = by_id[following]
                    waiting.append(following)
        return list(found.values())


def _plain(name: str) -> str:
    """A property's name without what versions of NiFi write differently."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^(csvutils|csv-reader)-", "", name.lower()))


def read_flow(file: Path) -> Flow:
    """The flow in a file; raises `UsageError` where it is none."""
    content = _content(file)
    try:
        flow = _from_xml(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _from_json(content)
    except (ValueError, RecursionError, expat.ExpatError) as error:
        raise UsageError(
            f"cannot be read as a flow of NiFi: {error}",
            where=str(file),
            cure="name NiFi's conf/flow.json.gz or flow.xml.gz, or a flow definition that it exported",
        ) from error
    if not flow.processors:
        raise UsageError("holds no processor", where=str(file), cure="export the flow again, with what is in it")
    return flow


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            packed = opened.read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is cut short"
        raise UsageError(
            f"cannot be read: {reason}", where=str(file), cure="check the path, and that you may read it"
        ) from error
    if len(content) > _LARGEST:
        raise UsageError(f"is larger than {_LARGEST >> 20} MB", where=str(file), cure="it is no flow of NiFi")
    return content


def _from_json(content: bytes) -> Flow:
    whole = _object(json.loads(content))
    flow = Flow()
    contexts = _list(whole, "parameterContexts") or map(_object, _object(whole.get("parameterContexts")).values())
    for context in contexts:
        for entry in _list(context, "parameters"):
            parameter = _object(entry.get("parameter", entry))
            if not parameter.get("sensitive") and parameter.get("value"):
                flow.values[str(parameter.get("name"))] = str(parameter["value"])
    _group(_object(whole.get("rootGroup") or whole.get("flowContents") or whole), flow, 0)
    for service in _list(whole, "controllerServices"):
        _add_service(_component(service), flow, service)
    return flow


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(group: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries: object = group.get(name)
    return [_object(entry) for entry in cast("list[object]", entries)] if isinstance(entries, list) else []


def _group(group: dict[str, Any], flow: Flow, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("its groups are nested too deeply")
    flow.values |= {str(name): str(value) for name, value in _object(group.get("variables")).items()}
    flow.processors += [_component(entry) for entry in _list(group, "processors")]
    for entry in _list(group, "controllerServices"):
        _add_service(_component(entry), flow, entry)
    for entry in _list(group, "connections"):
        source, destination = _object(entry.get("source")), _object(entry.get("destination"))
        flow.follows.setdefault(str(source.get("id")), []).append(str(destination.get("id")))
    for entry in _list(group, "processGroups"):
        _group(entry, flow, depth + 1)


def _component(entry: dict[str, Any]) -> Component:
    given = _object(entry.get("properties")) or _object(_object(entry.get("config")).get("properties"))
    properties = {str(name): str(value) for name, value in given.items() if value is not None}
    identity = str(entry.get("identifier") or entry.get("id"))
    schedule = f"{entry.get('schedulingStrategy', '')} {entry.get('schedulingPeriod', '')}".strip()
    type_ = str(entry.get("type", "")).rpartition(".")[2]
    return Component(identity, str(entry.get("name") or ""), type_, properties, schedule)


def _add_service(service: Component, flow: Flow, entry: dict[str, Any]) -> None:
    """Other components may name a service by either of its ids."""
    for identity in (service.id, str(entry.get("instanceIdentifier") or service.id)):
        flow.services[identity] = service


@dataclass
class _Element:
    tag: str
    text: str = ""
    children: "list[_Element]" = field(default_factory=list["_Element"])

    def all(self, tag: str) -> "Iterator[_Element]":
        """The children of that name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, *tags: str) -> str:
        """The text of the first child of one of the names."""
        return next((child.text.strip() for child in self.children if child.tag in tags), "")


def _parsed(content: bytes) -> _Element:
    """The elements of an XML text. A document type is refused: entities could grow, or name other files."""
    root = _Element("")
    path = [root]
    parser = expat.ParserCreate()

    def start(tag: str, _: dict[str, str]) -> None:
        if len(path) > _DEEPEST:
            raise ValueError("its elements are nested too deeply")
        element = _Element(tag)
        path[-1].children.append(element)
        path.append(element)

    def end(_: str) -> None:
        path.pop()

    def text(data: str) -> None:
        path[-1].text += data

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which a flow of NiFi never does")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    parser.Parse(content, True)
    return root.children[0]


def _from_xml(content: bytes) -> Flow:
    root = _parsed(content)
    flow = Flow()
    for contexts in root.all("parameterContexts"):
        for context in contexts.all("parameterContext"):
            for entry in context.all("parameter"):
                if entry.first("sensitive") != "true" and entry.first("value"):
                    flow.values[entry.first("name")] = entry.first("value")
    _xml_group(root, flow)
    return flow


def _xml_group(group: _Element, flow: Flow) -> None:
    """A group of a flow (`processor`, `rootGroup` …) or a template (`processors`, `snippet` …)."""
    for child in group.children:
        if child.tag in {"processor", "processors"}:
            flow.processors.append(_xml_component(child))
        elif child.tag in {"controllerService", "controllerServices"} and child.first("id"):
            service = _xml_component(child)
            flow.services[service.id] = service
        elif child.tag in {"connection", "connections"}:
            source, destination = child.first("sourceId"), child.first("destinationId")
            for end in child.all("source"):
                source = end.first("id")
            for end in child.all("destination"):
                destination = end.first("id")
            flow.follows.setdefault(source, []).append(destination)
        elif child.tag == "variable":
            flow.values[child.first("name")] = child.first("value")
        elif child.tag in {
            "rootGroup",
            "processGroup",
            "processGroups",
            "snippet",
            "template",
            "contents",
            "controllerServices",
        }:
            _xml_group(child, flow)


def _xml_component(element: _Element) -> Component:
    properties = {entry.first("name"): entry.first("value") for entry in element.all("property")}
    schedule = f"{element.first('schedulingStrategy')} {element.first('schedulingPeriod')}".strip()
    for config in (*element.all("config"), element):
        for listed in config.all("properties"):
            properties |= {entry.first("key"): entry.first("value") for entry in listed.all("entry")}
    type_ = element.first("class", "type").rpartition(".")[2]
    filled = {name: value for name, value in properties.items() if value}
    return Component(element.first("id"), element.first("name"), type_, filled, schedule)
