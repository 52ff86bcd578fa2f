import Foundation
import ModelReg
import Pages

/// Registries to look at.
enum Samples {
    static func text(_ answer: PageAnswer) -> String {
        guard case .bytes(let bytes) = answer.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What a person who writes a registry by hand could put into each field that takes text.
    static let hostile = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'; DROP TABLE model; --",
        "</title><svg/onload=a>",
        "javascript:alert(1)", "{{7*7}}", "\u{202E}evil", "\u{1B}]0;x\u{07}", "a\u{0}b", "&lt;b&gt;",
        "../../../etc/passwd",
        String(repeating: "long ", count: 200_000),
    ]

    /// A model whose every text is hostile, and a run of it. What the grammar of names allows is not hostile.
    static func hostileRegistry() throws -> Registry {
        let registry = try Registry.inMemory()
        let run = try registry.startRun(
            model: "m", name: "r",
            hyperparameters: Attributes(uniqueKeysWithValues: hostile.map { ($0, AttributeValue($0)) }),
            environment: RunEnvironment(
                host: hostile[0], user: hostile[1], command: hostile, gitCommit: hostile[2],
                gitBranch: hostile[3]))
        for (step, name) in hostile.enumerated() { run.log([name: Double(step), "nan": .nan], step: step) }
        try run.note(hostile.joined(separator: "\n"))
        try run.attach([1], named: hostile[1])
        for round in 0..<2 {
            var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
            for (index, name) in hostile.enumerated() {
                let key = index == hostile.count - 1 ? String(name.prefix(2000)) : name
                entries[.string(key)] =
                    index % 3 == 2
                    ? .string(name)
                    : .tensor(Tensor([Float(index + round), .nan, 1, 2], shape: [2, 2]))
            }
            var options = SaveOptions(message: hostile.joined(separator: "\n"))
            options.metrics = OrderedDictionary(uniqueKeysWithValues: hostile.map { ($0, Double(round)) })
            options.attributes = Attributes(uniqueKeysWithValues: hostile.map { ($0, AttributeValue($0)) })
            options.attachments = [hostile[0]: Array("<html>".utf8), hostile[10]: [0]]
            options.run = run.id
            options.environment = RunEnvironment(
                host: hostile[0], command: hostile, packages: [hostile[0]: hostile[1]])
            try registry.save(Checkpoint.dictionary(CheckpointDictionary(entries)), as: "m", options: options)
            try registry.addNote(hostile.joined(separator: "\n"), to: "m")
        }
        try run.finish(.failed)
        return registry
    }

    /// Every page that a registry's models, versions, parameters and runs have.
    static func addresses(of registry: Registry) throws -> [String] {
        var addresses = ["/", "/runs", "/storage", "/style.css", "/script.js"]
        func add(_ path: String, _ items: [(String, String)]) {
            addresses.append(PageAddress(path, items.map { ($0.0, $0.1) }).target)
        }
        for model in try registry.models() {
            add("/model", [("name", model.name)])
            add("/runs", [("model", model.name)])
            add("/storage", [("model", model.name)])
            let versions = try registry.versions(of: model.name)
            for version in versions {
                add("/version", [("ref", version.reference)])
                add("/lineage", [("ref", version.reference)])
                add("/diff", [("a", versions.last?.reference ?? ""), ("b", version.reference)])
                for leaf in try registry.manifest(of: version.reference).leaves {
                    add("/parameter", [("model", model.name), ("path", leaf.path.text)])
                }
            }
        }
        for run in try registry.runs() {
            add("/run", [("ref", run.reference)])
            add("/run", [("ref", run.reference), ("x", "time"), ("log", "1"), ("smooth", "0.9")])
        }
        // Versions share their parameters.
        return Array(OrderedSet(addresses))
    }
}
