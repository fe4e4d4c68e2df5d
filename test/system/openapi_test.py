# SPDX-License-Identifier: Apache-2.0
"""api/openapi.yaml says what `tfdc dev` answers: the same routes and parameters, and every answer fits its schema."""
import copy
import json
import os
import re
import unittest
from urllib.parse import urlencode

import jsonschema
import yaml

from dev_api_test import LIMITS, STRATEGY, ApiCase
from dev_lab import Hub, Run, now_us, until

SOURCE = os.environ["TFDC_SOURCE"]
METHODS = ("get", "post")


def load():
    with open(f"{SOURCE}/api/openapi.yaml", encoding="utf-8") as f:
        return yaml.safe_load(f)


def nodes(node):
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


def follow(document, node):
    """What a $ref leads to."""
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                parameters = [follow(document, p) for p in shared + item[method].get("parameters", [])]
                yield method.upper(), path, item[method], parameters


class Document(unittest.TestCase):
    def setUp(self):
        self.document = load()

    def test_every_reference_leads_somewhere_and_every_schema_is_one(self):
        for node in nodes(self.document):
            if isinstance(node, dict) and isinstance(node.get("$ref"), str):
                follow(self.document, node)
            if isinstance(node, dict) and isinstance(node.get("schema"), dict):
                jsonschema.Draft202012Validator.check_schema(node["schema"])
        for schema in self.document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        used = {n["$ref"] for n in nodes(self.document) if isinstance(n, dict) and "$ref" in n}
        for kind in ("schemas", "parameters", "responses"):
            for name in self.document["components"][kind]:
                self.assertIn(f"#/components/{kind}/{name}", used)

    def test_operations_are_told_apart_and_say_how_they_fail(self):
        ids = [o["operationId"] for _, _, o, _ in operations(self.document)]
        self.assertEqual(len(ids), len(set(ids)))
        for method, path, operation, parameters in operations(self.document):
            self.assertIn("default", operation["responses"], path)
            in_path = [p["name"] for p in parameters if p["in"] == "path"]
            self.assertEqual(re.findall(r"{(\w+)}", path), in_path)
            self.assertEqual(method == "POST", "403" in operation["responses"], path)
            self.assertEqual(method == "POST", operation.get("security") == [{"token": []}], path)

    def test_routes_and_parameters_are_those_of_the_code(self):
        documented = {}
        for method, path, _, parameters in operations(self.document):
            documented[method, path] = {p["name"] + ("*" if follow(self.document, p["schema"]).get("type") == "array"
                                                     else "") for p in parameters if p["in"] == "query"}
        with open(f"{SOURCE}/docs/api.md", encoding="utf-8") as f:  # a test of its own keeps it current
            rows = re.findall(r"^\| (GET|POST) \| `(\S+)` \| `?([^`|]*?)`? \|", f.read(), re.M)
        self.assertEqual({(m, p): set(params.split()) for m, p, params in rows}, documented)


def strict(document):
    """A copy in which an object has no members but those that are listed."""
    document = copy.deepcopy(document)
    for node in nodes(document):
        if isinstance(node, dict) and node.get("type") == "object":
            node.setdefault("additionalProperties", False)
    return document


class Answers(ApiCase):
    """Every operation is asked here, and what comes back fits."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = strict(load())
        cls.asked = set()

    def ask(self, method, path, body=None, status=200, **params):
        """path as in the document; {id} comes from the parameter id_."""
        real = path.replace("{id}", params.pop("id_", ""))
        got, text = self.dev.http(f"{real}?{urlencode(params, doseq=True)}", b"" if method == "POST" and body is None
                                  else body.encode() if body is not None else None)
        self.assertEqual(status, got, text)
        responses = self.document["paths"][path][method.lower()]["responses"]
        response = follow(self.document, responses.get(str(status), responses["default"]))
        content = response["content"]
        media = "application/yaml" if params.get("yaml") else next(iter(content))
        answer = json.loads(text) if media == "application/json" else text
        schema = {**content[media]["schema"], "components": self.document["components"]}
        errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(answer), key=lambda e: list(e.path))
        self.assertEqual([], [f"{list(e.absolute_path)}: {e.message[:300]}" for e in errors], f"{method} {real}")
        if status == 200:
            self.asked.add((method, path))
        return answer

    def job(self, path, **params):
        job = self.ask("POST", path, **params)["job"]
        self.ask("GET", "/api/v1/jobs/{id}", id_=job)
        until("the job", lambda: self.dev.json(f"/api/v1/jobs/{job}")["state"] != "running", alive=self.dev)
        return self.ask("GET", "/api/v1/jobs/{id}", id_=job)

    def test_answers_fit_their_schemas(self):
        for path in ("/metrics", "/health/live", "/health/ready", "/healthz", "/ready", "/api/v1/status",
                     "/api/v1/chambers"):
            self.ask("GET", path)
        bad = Run("T1", "C1", "bad", now_us() - 60_000_000, "R", bad=True, blocks=2)
        whole = Run("T1", "C1", "odd", now_us() - 50_000_000, "ODD", blocks=1)
        with Hub(self.dev.address, [("T1", "C1")], historical=True) as hub:
            hub.send_all([bad, whole])
        until("an alarm", lambda: self.dev.json("/api/v1/alarms?open=1")["alarms"], alive=self.dev)
        runs = self.ask("GET", "/api/v1/runs")["runs"]
        self.ask("GET", "/api/v1/runs", limit=2, newest=1)
        self.ask("GET", "/api/v1/alarms")
        for run in runs:
            self.ask("GET", "/api/v1/runs/{id}", id_=run["context"]["context_id"])
        one = runs[0]["context"]["context_id"]
        self.ask("GET", "/api/v1/runs/{id}/trace", id_=one, svid=["press", "temp"], max=10)
        self.ask("GET", "/api/v1/charts", strategy="level", tool="T1", chamber="C1", limit=1)
        documents = STRATEGY.format(id="s", eq="mean(press)") + "---\n" + LIMITS.format(id="s", width=4)
        self.ask("POST", "/api/v1/definitions", documents, dry_run=1)
        self.ask("POST", "/api/v1/definitions", documents, author="Ada", effective_us=0)
        self.ask("POST", "/api/v1/definitions", documents.replace("width_up: 4", "width_up: 5"))
        self.ask("GET", "/api/v1/definitions", limit=1)
        self.ask("GET", "/api/v1/definitions", bodies=1)
        self.ask("GET", "/api/v1/definitions", yaml=1)
        self.ask("POST", "/api/v1/runs/{id}/rejudge", id_=one)
        self.assertEqual("done", self.job("/api/v1/rejudge", recipe="R")["state"])
        learned = self.job("/api/v1/learn", recipe="R", runs_per_group=5, rejudge=1)
        self.assertEqual("done", learned["state"], learned)
        self.assertEqual("failed", self.job("/api/v1/learn", recipe="nothing")["state"])
        everything = {(method, path) for method, path, _, _ in operations(self.document)}
        self.assertEqual(set(), everything - self.asked, "not asked")

    def test_refusals_fit_too(self):
        none = "0" * 32
        for path in ("/api/v1/runs/{id}", "/api/v1/runs/{id}/trace", "/api/v1/jobs/{id}"):
            self.ask("GET", path, status=404, id_=none)
            self.ask("GET", path, status=400, id_="x")
        self.ask("POST", "/api/v1/runs/{id}/rejudge", status=404, id_=none)
        self.ask("POST", "/api/v1/definitions", "strategy: [", status=400)
        self.ask("POST", "/api/v1/learn", status=400, alpha=2)
        self.ask("POST", "/api/v1/rejudge", status=400, verdict="x")
        for path in ("/api/v1/runs", "/api/v1/alarms", "/api/v1/chambers", "/api/v1/charts", "/api/v1/definitions",
                     "/api/v1/status", "/metrics"):
            self.ask("GET", path, status=400, nothing=1)


if __name__ == "__main__":
    unittest.main()
