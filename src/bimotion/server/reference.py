"""The API's reference as one page without scripts, made from its OpenAPI description."""

import html
import json
from collections.abc import Mapping
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>bimotion API</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
body {{ max-width: 900px; margin: 0 auto; padding: 12px 18px 60px; overflow-wrap: anywhere; }}
pre {{ padding: 10px; border: 1px solid #8888; border-radius: 8px; white-space: pre-wrap; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: 3px 10px 3px 0; border-bottom: 1px solid #8885; }}
h2 {{ margin-top: 36px; font-size: 17px; }}
</style>
</head>
<body>
<main>
<h1>bimotion API</h1>
<p><a href="/">Page</a> · <a href="/openapi.json">OpenAPI</a> · Errors are JSON: <code>code</code>, <code>detail</code>
and <code>field</code>. A request with a seed gives the same motion again from a model of the same fingerprint.</p>
{operations}
</main>
</body>
</html>
"""


def reference_page(description: Mapping[str, Any]) -> str:
    """The page of an OpenAPI description."""
    parts = [
        _operation(method, path, operation, description)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    return _PAGE.format(operations="\n".join(parts))


def _operation(method: str, path: str, operation: Mapping[str, Any], description: Mapping[str, Any]) -> str:
    parts = [
        f"<h2><code>{method.upper()} {_text(path)}</code></h2>",
        f"<p>{_text(operation.get('description', ''))}</p>",
    ]
    rows = [
        _row(
            each["name"],
            each["schema"],
            each["schema"].get("description", ""),
            required=each.get("required", False),
        )
        for each in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        schema = _resolved(body["schema"], description)
        names = schema.get("required", [])
        rows += [
            _row(name, field, field.get("description", ""), required=name in names)
            for name, field in schema.get("properties", {}).items()
        ]
        parts.append(_example(method, path, kind, schema))
    if rows:
        heads = "<tr><th>field</th><th>type</th><th>default</th><th></th></tr>"
        parts.append(f"<table>{heads}{''.join(rows)}</table>")
    return "\n".join(parts)


def _example(method: str, path: str, kind: str, schema: Mapping[str, Any]) -> str:
    """A command line, where the schema has an example."""
    address = f"http://127.0.0.1:8000{path}"
    if kind == "multipart/form-data":
        return f"<pre>curl -F file=@walk.bvh {_text(address)}</pre>"
    examples = schema.get("examples")
    if not examples:
        return ""
    body = json.dumps(examples[0])
    command = f"curl -X {method.upper()} {address} -H 'content-type: application/json' -d '{body}'"
    return f"<pre>{_text(command)}</pre>"


def _row(name: str, schema: Mapping[str, Any], words: str, *, required: bool) -> str:
    default = "required" if required else json.dumps(schema.get("default"))
    cells = (f"<code>{_text(name)}</code>", _text(_type(schema)), _text(default), _text(words))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _type(schema: Mapping[str, Any]) -> str:
    """A schema's type and bounds in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    bounds = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "maxLength": "at most characters:"}
    found = [f"{sign} {schema[name]}" for name, sign in bounds.items() if name in schema]
    return " ".join([str(schema.get("type", "any")), *found])


def _resolved(schema: Mapping[str, Any], description: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _text(value: object) -> str:
    return html.escape(str(value))
