"""The OpenAPI document, made from the same Structs that read requests and write answers."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Struct, UnsetType

from api.endpoints import Endpoint
from api.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from api.schemas.fields import DocumentId
from ledger.domain.refusals import Shortfall
from ledger.domain.values import Code

_REF: Final = "#/components/schemas/{name}"
_CORRELATION: Final = r"^[A-Za-z0-9._~:@+/=-]{1,128}$"
_EVERYWHERE: Final = ("internal-error",)


class ProblemDetails(Struct, kw_only=True):
    """RFC 9457. `transient` says whether a retry may help; the facts of its code are members."""

    type: str
    title: str
    status: int
    detail: str
    transient: bool
    correlation_id: str
    path: str | UnsetType = UNSET  # Where: from the body's root, or the parameter.
    problem: str | UnsetType = UNSET  # malformed: what is wrong there.
    shortfalls: list[Shortfall] | UnsetType = UNSET  # insufficient-stock.
    what: str | UnsetType = UNSET  # The kind of document.
    id: str | UnsetType = UNSET
    state: str | UnsetType = UNSET  # illegal-state: where the document stands.
    asked: str | UnsetType = UNSET
    key: str | UnsetType = UNSET  # idempotency-conflict.
    sku: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    expected: int | UnsetType = UNSET  # stale-quantity.
    actual: int | UnsetType = UNSET
    projection: str | UnsetType = UNSET  # projection-behind: which, where it is, what was asked.
    position: int | UnsetType = UNSET
    min_position: int | UnsetType = UNSET
    quantity: str | UnsetType = UNSET  # inexact-unit: what was stated, in which unit.
    uom: str | UnsetType | None = UNSET
    lost: str | UnsetType | None = UNSET  # In base units; null: an unknown unit.
    source: str | UnsetType = UNSET  # forbidden: who asserted something, and who may.
    sources: list[str] | UnsetType = UNSET
    limit_bytes: int | UnsetType = UNSET  # payload-too-large.
    length_bytes: int | UnsetType = UNSET


def document(app: Litestar) -> dict[str, Any]:
    """The document of everything an application serves and describes."""
    served = list(_served(app))
    types = _types(endpoint for _, _, _, endpoint in served)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    # Two different types may be asked for by equal keys only if they are the same one.
    schema_of = dict(zip(map(id, types), schemas, strict=True))
    components["ProblemDetails"]["additionalProperties"] = True
    components.get("RefusedItem", {})["additionalProperties"] = True
    paths: dict[str, Any] = {}
    problems: dict[str, Any] = {}
    for path, method, operation_id, endpoint in served:
        operation = _operation(operation_id, endpoint, schema_of, problems)
        paths.setdefault(path, {})[method] = operation
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "inventory-ledger",
            "version": "1",
            "summary": "Every stock movement an immutable event, every answer derived from them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": dict(sorted(problems.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }
    result: dict[str, Any] = _in_ecmascript(whole)
    return result


def _served(app: Litestar) -> Iterable[tuple[str, str, str, Endpoint]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            endpoint = handler.opt.get("endpoint")
            if isinstance(endpoint, Endpoint):
                assert isinstance(handler, HTTPRouteHandler)
                method = next(iter(handler.http_methods)).lower()
                path = route.path.replace("{id:str}", f"{{{endpoint.path_code or 'id'}}}")
                path = path.replace(":str}", "}")
                yield path, method, str(handler.operation_id), endpoint


def _types(endpoints: Iterable[Endpoint]) -> list[Any]:
    found: dict[int, Any] = {id(ProblemDetails): ProblemDetails}
    for endpoint in endpoints:
        for kind in (endpoint.request, *endpoint.answers.values(), endpoint.query):
            if kind is not None and not isinstance(kind, str):
                found[id(kind)] = kind
    return list(found.values())


def _operation(
    operation_id: str,
    endpoint: Endpoint,
    schema_of: dict[int, dict[str, Any]],
    problems: dict[str, Any],
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schema_of, problems),
    }
    if endpoint.open:
        operation["security"] = []
    if endpoint.request is not None:
        content = {"application/json": {"schema": schema_of[id(endpoint.request)]}}
        if endpoint.streams is not None and endpoint.writes:
            content[endpoint.streams] = {"schema": {"type": "string"}}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    if endpoint.path_id is not None:
        found.append(_parameter("id", "path", _schema(DocumentId), required=True))
    if endpoint.path_second is not None:
        found.append(_parameter(endpoint.path_second, "path", _schema(DocumentId), required=True))
    if endpoint.path_code is not None:
        found.append(_parameter(endpoint.path_code, "path", _schema(Code), required=True))
    if endpoint.request is not None or endpoint.writes:  # A question may come as a body, too.
        key = _schema(DocumentId)
        found.append(_parameter("Idempotency-Key", "header", key, required=endpoint.writes))
    if 304 in endpoint.answers:
        found.append(_parameter("If-None-Match", "header", {"type": "string"}, required=False))
    correlation = {"type": "string", "pattern": _CORRELATION}
    found.append(_parameter("X-Correlation-ID", "header", correlation, required=False))
    if endpoint.query is not None:
        for one in msgspec.structs.fields(endpoint.query):
            schema = _schema(one.type)
            found.append(_parameter(one.encode_name, "query", schema, required=one.required))
    return found


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _schema(kind: Any) -> dict[str, Any]:
    """The schema of a parameter: absent rather than null."""
    schema = msgspec.json.schema(kind)
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return options[0] if len(options) == 1 else schema


def _responses(
    endpoint: Endpoint, schema_of: dict[int, dict[str, Any]], problems: dict[str, Any]
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, kind in endpoint.answers.items():
        if kind is None:
            responses[str(status)] = {"description": "As before", "headers": _headers(status)}
            continue
        content = (
            {kind: {"schema": {"type": "string"}}}
            if isinstance(kind, str)
            else {"application/json": {"schema": schema_of[id(kind)]}}
        )
        if endpoint.streams is not None:
            content[endpoint.streams] = {"schema": {"type": "string"}}
        for form in endpoint.forms:
            content[form] = {"schema": {"type": "string"}}
        headers = _headers(status, replayed=endpoint.writes, tagged=304 in endpoint.answers)
        headers |= {name: {"schema": {"type": "string"}} for name in endpoint.headers}
        responses[str(status)] = {"description": "Done", "headers": headers, "content": content}
    by_status: dict[int, list[str]] = {}
    for code in sorted({*endpoint.codes, *_of_the_catalog(endpoint), *_EVERYWHERE, "malformed"}):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        if str(status) not in responses:
            name = "-or-".join(codes)
            problems[name] = _problem(status, codes, schema_of)
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(responses.items()))


def _of_the_catalog(endpoint: Endpoint) -> Iterable[str]:
    """What the catalog may say to a request: units it cannot convert, codes it does not know."""
    if endpoint.request is None or not endpoint.writes:
        return
    words = msgspec.json.encode(msgspec.json.schema(endpoint.request))
    if b'"uom":' in words:
        yield "inexact-unit"
    if any(word in words for word in (b'"sku":', b'"skus":', b'"location":', b'"locations":')):
        yield "not-found"


def _in_ecmascript(value: Any) -> Any:
    """The document with its patterns in the dialect of JSON Schema: Python's has other anchors."""
    if isinstance(value, dict):
        return {
            name: f"^{inner[2:-2]}$"
            if name == "pattern" and inner.startswith(r"\A")
            else _in_ecmascript(inner)
            for name, inner in value.items()
        }
    return [_in_ecmascript(inner) for inner in value] if isinstance(value, list) else value


def _problem(status: int, codes: list[str], schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    types = {"properties": {"type": {"enum": [TYPE_PREFIX + code for code in codes]}}}
    schema = {"allOf": [schema_of[id(ProblemDetails)], types]}
    return {
        "description": "; ".join(f"{code}: {KINDS[code].title}" for code in codes),
        "headers": _headers(status),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _headers(status: int, *, replayed: bool = False, tagged: bool = False) -> dict[str, Any]:
    headers: dict[str, Any] = {
        "X-Correlation-ID": {"schema": {"type": "string", "pattern": _CORRELATION}}
    }
    if replayed:
        headers["Idempotent-Replayed"] = {"schema": {"type": "string", "enum": ["true"]}}
    if tagged or status == 304:
        headers["ETag"] = {"schema": {"type": "string"}}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    return headers
