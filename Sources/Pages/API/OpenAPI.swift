import Foundation

/// The description of the API as OpenAPI 3.1 takes it.
enum OpenAPI {
    /// What an answer looks like: the keys that are always there, of docs/json.md.
    indirect enum Schema: Sendable {
        case list(Schema)
        case object(required: [String], [String: String])
        case any([Schema])
        case binary

        static let version = Schema.object(
            required: [
                "reference", "model", "version", "content_id", "kind", "message", "created_at", "aliases",
                "metrics",
                "tensor_count", "byte_count",
            ],
            [
                "reference": "string", "model": "string", "version": "integer", "content_id": "string",
                "kind": "string", "message": "string", "created_at": "string", "aliases": "array",
                "metrics": "object",
                "parent": "string", "run": "string", "step": "integer", "attributes": "object",
                "tensor_count": "integer", "byte_count": "integer",
            ])
        static let model = Schema.object(
            required: ["name", "version_count", "aliases"],
            ["name": "string", "version_count": "integer", "aliases": "array", "latest": "object"])
        static let run = Schema.object(
            required: [
                "reference", "name", "state", "started_at", "wall_seconds", "attributes", "metrics",
                "version_count",
            ],
            [
                "reference": "string", "model": "string", "name": "string", "state": "string",
                "started_at": "string",
                "ended_at": "string", "wall_seconds": "number", "parent": "string", "attributes": "object",
                "metrics": "object", "step": "integer", "version_count": "integer",
            ])
        static let shownVersion = Schema.object(
            required: [
                "version", "attributes", "file_metadata", "attachments", "parameters", "lineage", "notes",
                "objects",
            ],
            [
                "version": "object", "attributes": "object", "file_metadata": "object", "attachments": "array",
                "source_file": "object", "parameters": "array", "lineage": "array", "notes": "array",
                "objects": "array", "environment": "object", "thinned_at": "string", "dropped_paths": "array",
            ])
        static let shownRun = Schema.object(
            required: ["run", "notes", "attachments", "versions", "metrics"],
            [
                "run": "object", "environment": "object", "notes": "array", "attachments": "array",
                "versions": "array", "metrics": "array",
            ])
        static let history = Schema.object(
            required: ["schema_version", "model", "parameters"],
            ["schema_version": "integer", "model": "string", "parameters": "array"])
        static let diff = Schema.object(
            required: [
                "schema_version", "old", "new", "is_empty", "is_structure_changed", "unchanged_count",
                "changes",
                "modules", "facts", "gates",
            ],
            [
                "schema_version": "integer", "old": "string", "new": "string", "is_empty": "boolean",
                "is_structure_changed": "boolean", "unchanged_count": "integer", "changes": "array",
                "modules": "array", "facts": "array", "gates": "array",
            ])
        static let metric = Schema.object(
            required: ["run", "name"],
            ["run": "string", "name": "string", "points": "array", "columns": "array"])
        static let lineage = Schema.object(
            required: ["reference", "is_present", "skipped_count", "from"],
            [
                "reference": "string", "kind": "string", "is_given": "boolean", "share": "number",
                "is_present": "boolean", "skipped_count": "integer", "from": "array",
            ])
        static let alias = Schema.object(
            required: ["model", "alias", "version", "updated_at", "is_protected", "is_pinned"],
            [
                "model": "string", "alias": "string", "version": "integer", "updated_at": "string",
                "is_protected": "boolean", "is_pinned": "boolean",
            ])
        static let storage = Schema.any([
            .object(
                required: ["byte_count", "stored_byte_count", "free_byte_count", "models"],
                [
                    "byte_count": "integer", "stored_byte_count": "integer", "free_byte_count": "integer",
                    "models": "array",
                ]),
            .list(.object(required: ["reference", "use"], ["reference": "string", "use": "object"])),
        ])
        static let file = Schema.binary

        fileprivate var json: [String: Any] {
            switch self {
            case .list(let item): ["type": "array", "items": item.json]
            case .object(let required, let properties):
                [
                    "type": "object", "required": required,
                    "properties": properties.mapValues { ["type": $0] as [String: Any] },
                ]
            case .any(let schemas): ["oneOf": schemas.map(\.json)]
            case .binary: ["type": "string", "format": "binary"]
            }
        }
    }

    /// The description as JSON.
    static let text: String = {
        var paths: [String: Any] = [:]
        for endpoint in APIEndpoint.all { paths["/api/v1/\(endpoint.name)"] = ["get": operation(endpoint)] }
        let document: [String: Any] = [
            "openapi": "3.1.0",
            "info": [
                "title": "modelreg", "version": "1",
                "description":
                    "What a registry of models answers. Values are those of docs/json.md; new keys may appear.",
            ],
            "paths": paths,
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": [
                    "Error": [
                        "type": "object", "required": ["error", "status"],
                        "properties": ["error": ["type": "string"], "status": ["type": "integer"]],
                    ] as [String: Any]
                ],
            ],
        ]
        let data = try? JSONSerialization.data(
            withJSONObject: document, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }()

    private static func operation(_ endpoint: APIEndpoint) -> [String: Any] {
        let error: [String: Any] = [
            "description": "An error",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
        ]
        let isFile = if case .binary = endpoint.schema { true } else { false }
        var answers: [String: Any] = [
            "200": [
                "description": endpoint.summary,
                "content": [
                    (isFile ? "application/octet-stream" : "application/json"): ["schema": endpoint.schema.json]
                ],
            ] as [String: Any],
            "400": error, "404": error, "503": error,
        ]
        if endpoint.name == "diff" {
            answers["202"] =
                [
                    "description": "Values are being compared: ask again.",
                    "content": [
                        "application/json": [
                            "schema": [
                                "type": "object", "required": ["is_pending"],
                                "properties": ["is_pending": ["type": "boolean"]],
                            ] as [String: Any]
                        ]
                    ],
                ] as [String: Any]
        }
        if isFile { answers["206"] = ["description": "The part that Range asks for."] }
        return [
            "operationId": endpoint.name, "summary": endpoint.summary, "responses": answers,
            "parameters": endpoint.parameters.map { parameter -> [String: Any] in
                var schema: [String: Any] = ["type": parameter.kind.rawValue]
                if parameter.kind == .count {
                    schema["minimum"] = parameter.name == "limit" || parameter.name == "columns" ? 1 : 0
                }
                return [
                    "name": parameter.name, "in": "query", "required": parameter.isRequired,
                    "description": parameter.summary, "schema": schema,
                ]
            },
        ]
    }
}
