"""Samples and mappings are held against what the vendors specify.

The specifications are the vendors' own and are not kept here: TIEOUT_VENDOR_SPECS names the folder that holds them.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from connectors import systems
from connectors.pages import KEY, records_at
from connectors.texts import flat
from tests.test_every_connector import pages_of, sample_of
from tieout.mapping import fields_of
from tieout.settings import Source

SPECS = {
    ("okta", "accounts", "rows"): ("okta-management-2026.06.3.trimmed.yaml", "/api/v1/users"),
    ("okta", "seats", "rows"): ("okta-management-2026.06.3.trimmed.yaml", "/api/v1/apps/{appId}/users"),
    ("okta", "seats", "sign_ons"): ("okta-management-2026.06.3.trimmed.yaml", "/api/v1/logs"),
    ("graph", "accounts", "rows"): ("msgraph-v1.0.trimmed.openapi.json", "/users"),
    ("graph", "seats", "rows"): ("msgraph-v1.0.trimmed.openapi.json", "/users"),
    ("graph", "seats", "skus"): ("msgraph-v1.0.trimmed.openapi.json", "/subscribedSkus"),
    ("graph", "endpoints", "rows"): ("msgraph-v1.0.trimmed.openapi.json", "/deviceManagement/managedDevices"),
    ("jamf", "endpoints", "computers"): ("jamf-pro-11.30.1.trimmed.json", "/v4/computers-inventory"),
    ("jamf", "endpoints", "mobile"): ("jamf-pro-11.30.1.trimmed.json", "/v2/mobile-devices/detail"),
    ("github", "seats", "rows"): ("github-ghec.trimmed.json", "/enterprises/{enterprise}/copilot/billing/seats"),
    ("bamboohr", "people", "rows"): ("bamboohr-public.trimmed.yaml", "/api/v1/employees"),
    ("google", "accounts", "rows"): ("google-admin.directory_v1.json", "Users"),
    ("google", "endpoints", "chromeos"): ("google-admin.directory_v1.json", "ChromeOsDevices"),
    ("google", "endpoints", "mobile"): ("google-admin.directory_v1.json", "MobileDevices"),
    ("google", "seats", "rows"): ("google-licensing.v1.json", "LicenseAssignmentList"),
    ("github", "seats", "licences"): ("github-ghec.trimmed.json", "/enterprises/{enterprise}/consumed-licenses"),
    ("graph", "accounts", "deleted"): ("msgraph-v1.0.trimmed.openapi.json", "/users"),
    ("ocs", "endpoints", "rows"): ("ocsinventory-restapi.yaml", "/computers"),
    ("personio", "people", "rows"): ("personio-v1.trimmed.yaml", "/company/employees"),
    ("slack", "seats", "rows"): ("slack-web-2021.trimmed.json", "/users.list"),
    ("snipe_it", "assets", "rows"): ("snipeit-8.2.0.trimmed.json", "/hardware"),
}
"""System, feed and stream → the file, and the path or schema in it."""
NOT_ASKED = {
    "google-admin.reports_v1.json": "it tells use by application and counts of accounts; the connector asks for "
    "neither, and says that last use is unknown and that purchased seats come of the contract",
}
"""Files of which no connector asks anything, and why."""
TABLES = ("ocs",)
"""Systems that answer with one table of records by their ids, where the specification has a list of such tables."""
OF_EXAMPLES = ("snipe_it",)
"""Systems whose specification was made from examples: it says nothing of what was null in them."""
UNSPECIFIED = {
    "ocs": ["hardware.*"],  # the section that every computer has is left out there; a real server showed it
    "personio": [
        "attributes.office.value.attributes.id", "attributes.supervisor.type", "attributes.supervisor.universal_id",
    ],  # they stand in its examples only, and none is mapped
    "snipe_it": ["byod"],  # as its source has it
}  # fmt: skip
"""Fields that systems are known to send although their specification does not name them."""
OTHERWISE = {("github", "licences"): {"licence": "enterprise"}}
"""Options by which a stream is asked that the sample's own options do not ask."""


@pytest.fixture(
    params=[
        pytest.param(
            one,
            marks=pytest.mark.proves(
                one[0],
                "vendor specification",
                SPECS[one][0].split(".trimmed")[0].removesuffix(".json").removesuffix(".yaml"),
            ),
        )
        for one in sorted(SPECS)
    ],
    ids="-".join,
)
def specified(request: pytest.FixtureRequest) -> tuple[str, str, str, dict[str, Any], dict[str, Any]]:
    """A stream, the schema of its answer, and the document the schema's references lead into."""
    name, feed, stream = request.param
    folder = os.environ.get("TIEOUT_VENDOR_SPECS")
    if not folder:
        pytest.skip("TIEOUT_VENDOR_SPECS does not name a folder of vendors' specifications")
    file, place = SPECS[request.param]
    text = (Path(folder) / file).read_text(encoding="utf-8")
    document = json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    document = _as_json_schema(document)
    if "paths" not in document:
        return name, feed, stream, document["schemas"][place], document
    answer = _resolved(document["paths"][place]["get"]["responses"]["200"], document)
    content = next(iter(answer["content"].values())) if "content" in answer else answer
    schema = content["schema"]["items"] if name in TABLES else content["schema"]
    return name, feed, stream, _specialised(schema, document), document


def test_every_specification_is_held_against_a_connector_or_is_not_asked_for() -> None:
    folder = os.environ.get("TIEOUT_VENDOR_SPECS")
    if not folder:
        pytest.skip("TIEOUT_VENDOR_SPECS does not name a folder of vendors' specifications")
    files = {path.name for path in Path(folder).iterdir()} - {"MANIFEST.json"}
    assert files == {file for file, _ in SPECS.values()} | set(NOT_ASKED)


def test_the_sample_is_what_the_vendor_specifies(
    specified: tuple[str, str, str, dict[str, Any], dict[str, Any]],
) -> None:
    name, feed, stream, schema, document = specified
    page = pages_of(name, feed)[stream]
    page = _without_nulls(page) if name in OF_EXAMPLES else page
    errors = list(jsonschema.Draft202012Validator({**document, **schema}).iter_errors(page))
    assert [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"[:300] for error in errors] == []


def test_every_field_of_the_sample_is_specified(
    specified: tuple[str, str, str, dict[str, Any], dict[str, Any]],
) -> None:
    name, feed, stream, schema, document = specified
    options = {**sample_of(name).get("options", {}), **OTHERWISE.get((name, stream), {}), "url": "https://example.com"}
    options = {key: "https://example.com" if value == "{peer}" else value for key, value in options.items()}
    source = systems.configured(
        Source.model_validate({"name": name, "feed": feed, "connector": name, "options": options})
    )
    asked = next(one for one in systems.delivery_of(source).streams(systems.options_of(source)) if one.name == stream)
    record = _schema_at(schema, asked.records, document)
    if name in TABLES:
        (record,) = record["properties"].values()
    known = set(_paths(record.get("items", record), document))
    mapped = {field for ways in source.columns.values() for way in ways for field in fields_of(way)} | set(asked.key)
    seen = {field for row in records_at(pages_of(name, feed)[stream], asked.records) or [] for field in flat(row)}
    assert mapped & seen
    known |= set(UNSPECIFIED.get(name, ())) | {KEY}
    for field in sorted(seen):
        assert any(field == path or (path.endswith(".*") and field.startswith(path[:-1])) for path in known), field


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        here: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            here = here[step.replace("~1", "/")]
        schema = here
    return dict(schema)


def _parts(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and everything it is made of."""
    whole = _resolved(schema, document)
    yield whole
    for kind in ("allOf", "anyOf"):
        for part in whole.get(kind, []):
            yield from _parts(part, document)


def _specialised(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """A schema made of several, of which a later one may say anew, and otherwise, what a field of an earlier one is."""
    if "allOf" not in (whole := _resolved(schema, document)):
        return dict(schema)
    fields = {name: inner for part in _parts(whole, document) for name, inner in part.get("properties", {}).items()}
    return {"type": "object", "properties": fields}


def _schema_at(schema: Mapping[str, Any], place: str, document: Mapping[str, Any]) -> dict[str, Any]:
    found = list(_parts(schema, document))
    for name in filter(None, place.removesuffix("*").split(".")):
        found = [
            inner for part in found if name in part.get("properties", {})
            for inner in _parts(part["properties"][name], document)
        ]  # fmt: skip
    return next((part for part in found if "items" in part), found[0])


def _paths(schema: Mapping[str, Any], document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[str]:
    for part in _parts(schema, document):
        if depth and (
            part.get("additionalProperties") or (part.get("type") == "object" and not part.get("properties"))
        ):
            yield f"{prefix}*"
        for name, inner in part.get("properties", {}).items():
            yield prefix + name
            if not inner:
                yield f"{prefix}{name}.*"
            if depth < 5:
                yield from _paths(inner, document, f"{prefix}{name}.", depth + 1)
        if part.get("type") == "any":
            yield f"{prefix}*"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _as_json_schema(value: Any) -> Any:
    """An OpenAPI 3.0 document or a Google discovery document with its schemas as JSON Schema has them."""
    if isinstance(value, list):
        return [_as_json_schema(member) for member in value]
    if not isinstance(value, dict):
        return value
    words = ("id", "required", "format")  # of a schema; a property of that name holds a schema itself
    schema = {n: _as_json_schema(member) for n, member in value.items() if n not in words or isinstance(member, dict)}
    if isinstance(ref := schema.get("$ref"), str) and "/" not in ref:
        schema["$ref"] = f"#/schemas/{ref}"
    if isinstance(schema.get("items"), list) and "type" not in schema:  # several shapes of one thing
        schema["anyOf"] = schema.pop("items")
    if "oneOf" in schema:  # told apart by a discriminator, which JSON Schema does not know
        schema["anyOf"] = schema.pop("oneOf")
    if schema.get("type") == "any":
        del schema["type"]
    if schema.pop("nullable", False):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
