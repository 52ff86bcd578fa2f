import Checkpoints
import ChunkStore
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Runs each query of docs/queries.md with stock `sqlite3`, and compares what it prints.
struct QueriesPageTests {
    private let folder: TemporaryFolder
    private let path: String

    /// The two models that the page speaks of.
    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("modelreg.db")
        let registry = try Registry(path: path, packsInBackground: false)
        func matrix(_ values: [Float]) -> Tensor { Tensor(values, shape: [2, 2]) }
        let encoder = matrix([0.5, -0.5, 0.5, 0.5])
        let bias = Tensor([Float(0), 0])
        func save(
            _ entries: KeyValuePairs<String, Checkpoint>, _ model: String, _ message: String,
            accuracy: Double, optimizer: String, aliases: [String] = [], parent: String? = nil
        ) throws {
            try registry.save(
                dictionary(entries), as: model,
                options: SaveOptions(
                    message: message, aliases: aliases, metrics: ["accuracy": accuracy],
                    attributes: ["optimizer": AttributeValue(optimizer)], parent: parent))
        }
        let trained = matrix([1, 2, -2, 4])
        try save(
            [
                "encoder.weight": .tensor(encoder), "encoder.bias": .tensor(bias),
                "head.weight": .tensor(matrix([0.5, 0, 0, 0])), "lr": .number(0.1),
            ], "mlp", "pretrained", accuracy: 0.5, optimizer: "adamw")
        try save(
            [
                "encoder.weight": .tensor(encoder.copied()), "encoder.bias": .tensor(bias.copied()),
                "head.weight": .tensor(trained), "lr": .number(0.1),
            ], "mlp", "head trained", accuracy: 0.875, optimizer: "adamw", aliases: ["best"])
        try save(
            [
                "encoder.weight": .tensor(encoder.copied()), "encoder.bias": .tensor(bias.to(.bfloat16)),
                "head.weight": .tensor(matrix([.nan, .infinity, 300, -400])), "lr": .number(10),
            ], "mlp", "too fast", accuracy: 0.25, optimizer: "sgd")
        try save(
            [
                "encoder.weight": .tensor(encoder.copied()), "encoder.bias": .tensor(bias.copied()),
                "classifier.weight": .tensor(trained.copied()), "lr": .number(0.01),
            ], "mlp", "again from v2", accuracy: 0.9375, optimizer: "adamw", aliases: ["prod"], parent: "mlp:v2"
        )
        let tied = Tensor([Float(1), 1])
        try save(
            [
                "backbone.weight": .tensor(encoder.copied()), "embedding": .tensor(tied),
                "output": .tensor(tied),
            ], "student", "distilled", accuracy: 0.75, optimizer: "adamw", parent: "mlp:v4")
        try save(
            [
                "body.weight": .tensor(encoder.copied()), "embedding": .tensor(tied), "output": .tensor(tied),
            ], "student", "renamed", accuracy: 0.75, optimizer: "adamw")
        for (name, rate, losses, state) in [
            ("slow", "0.1", [2, 1, 0.5, 0.25], RunState.finished),
            ("fast", "10", [2, 1, 64, Double.nan], .failed),
        ] {
            let run = try registry.startRun(
                model: "mlp", name: name, hyperparameters: ["lr": AttributeValue(parsing: rate)])
            for (step, loss) in losses.enumerated() { run.log(["loss": loss], step: step) }
            try run.finish(state)
        }
        // As it is on the disk of somebody who has no modelreg.
        try registry.close()
    }

    @Test func everyQueryPrintsWhatThePageShows() throws {
        let page = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../docs/queries.md")
            .standardized
        let lines = try String(contentsOf: page, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var queries: [(sql: String, result: String)] = []
        var block: (language: String, lines: [String])?
        for line in lines {
            switch block {
            case nil where line.hasPrefix("```"): block = (String(line.dropFirst(3)), [])
            case (let language, let body)? where line == "```":
                if language == "sql" { queries.append((body.joined(separator: "\n"), "")) }
                if language == "text" { queries[queries.count - 1].result = body.joined(separator: "\n") }
                block = nil
            default: block?.lines.append(line)
            }
        }
        #expect(queries.count >= 15)
        for (sql, result) in queries {
            let output = try sqlite(sql)
            #expect(words(output) == words(result), "\(sql)\n\(output)")
            #expect(!result.isEmpty, "\(sql)")
        }
    }

    /// Lines of words: the widths of columns are not the point.
    private func words(_ text: String) -> [[Substring]] {
        text.split(separator: "\n").filter { !$0.allSatisfy { "- ".contains($0) } }.map {
            $0.split(separator: " ")
        }
    }

    private func sqlite(_ sql: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["sqlite3", "-batch", "-readonly", "-header", "-column", path, sql]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}
