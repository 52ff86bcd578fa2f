// swift-tools-version: 6.2
import PackageDescription

// Imports only point down; the compiler checks it (docs/design.md, "Targets"). A target may import what it
// lists here and nothing else: CI builds with `--explicit-target-dependency-import-check error`.

// CI sets MODELREG_STRICT: a warning is an error there, and only a warning where a newer compiler finds more.

let isStrict = Context.environment["MODELREG_STRICT"] != nil
let strict: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let zstd = Target.Dependency.target(name: "CZstd", condition: .when(traits: ["Zstd"]))

// SwiftNIO, for the target that serves pages alone.
let nio = [("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio")].map {
    Target.Dependency.product(name: $0.0, package: $0.1, condition: .when(traits: ["Web"]))
}

let package = Package(
    name: "modelreg",
    products: [
        .library(name: "ModelReg", targets: ["ModelReg"]),
        .library(name: "NN", targets: ["NN", "Tensors"]),
        .executable(name: "modelreg", targets: ["ModelRegTool"]),
        .library(name: "ModelRegC", type: .dynamic, targets: ["ModelRegC"]),
    ],
    traits: [
        .trait(
            name: "Zstd",
            description: "Entropy-code chunks with zstd, 3 to 6 times as fast as zlib at the same ratio."),
        .trait(name: "Web", description: "Serve pages over HTTP: `modelreg serve`, by SwiftNIO."),
        .default(enabledTraits: ["Zstd", "Web"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        // MARK: C

        .target(name: "CKernels"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CSQLiteShim", linkerSettings: [.linkedLibrary("sqlite3")]),
        // libcurl is opened at run time, and not linked.
        .target(name: "CHTTP", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

        // MARK: Library, from the ground up

        .target(name: "Foundations", dependencies: ["CKernels", "CZlib"], swiftSettings: strict),
        .target(name: "Expressions", dependencies: ["Foundations"], swiftSettings: strict),
        .target(name: "Plots", dependencies: ["Foundations", "CZlib"], swiftSettings: strict),
        .target(
            name: "Tensors", dependencies: ["Foundations", "CKernels", orderedCollections],
            swiftSettings: strict),
        .target(
            name: "NN", dependencies: ["Foundations", "Tensors", orderedCollections], swiftSettings: strict),
        .target(
            name: "TensorCodec", dependencies: ["Foundations", "CKernels", "CZlib", zstd], swiftSettings: strict
        ),
        .target(
            name: "Checkpoints", dependencies: ["Foundations", "Tensors", "CKernels", orderedCollections],
            swiftSettings: strict),
        .target(
            name: "WeightDiff",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "CKernels", "Expressions"],
            swiftSettings: strict),
        .target(
            name: "Formats",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "CKernels", orderedCollections],
            swiftSettings: strict),
        .target(
            name: "ChunkStore",
            dependencies: [
                "Foundations", "Checkpoints", "TensorCodec", "CKernels", "CSQLiteShim", grdb, grdbSQLite,
            ],
            swiftSettings: strict),
        .target(
            name: "Remotes",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "TensorCodec", "CKernels", "CHTTP"],
            swiftSettings: strict),
        .target(name: "SQLitePages", dependencies: ["Foundations"], swiftSettings: strict),
        .target(
            name: "ModelRegistry",
            dependencies: [
                "Foundations", "Expressions", "Tensors", "Checkpoints", "TensorCodec", "ChunkStore",
                "SQLitePages", "Remotes", "CKernels", "CSQLiteShim", grdb, orderedCollections,
            ],
            swiftSettings: strict,
            plugins: ["EmbedMigrationsPlugin"]),
        .target(
            name: "ModelReg",
            dependencies: [
                "Foundations", "Tensors", "NN", "TensorCodec", "Checkpoints", "ChunkStore", "Expressions",
                "Formats", "ModelRegistry", "Remotes", "WeightDiff", orderedCollections,
            ],
            swiftSettings: strict),

        .target(
            name: "RegistryJSON", dependencies: ["ModelReg", "Foundations"], swiftSettings: strict),

        // MARK: Pages

        .target(
            name: "Pages", dependencies: ["ModelReg", "Foundations", "Plots", "RegistryJSON"],
            swiftSettings: strict),
        .target(name: "WebServer", dependencies: ["Foundations", "Pages"] + nio, swiftSettings: strict),

        // MARK: Command line

        .target(
            name: "ModelRegCLI",
            dependencies: [
                "ModelReg", "Foundations", "Plots", "RegistryJSON", "Pages", "WebServer", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(name: "ModelRegTool", dependencies: ["ModelRegCLI"], swiftSettings: strict),

        // MARK: C interface

        .target(name: "CModelReg"),
        .target(
            name: "ModelRegC",
            dependencies: [
                "CModelReg", "ModelReg", "ModelRegCLI", "RegistryJSON", "Foundations", "Checkpoints",
                "Expressions",
                "Formats", "ModelRegistry", "Tensors",
            ],
            swiftSettings: strict),

        // MARK: Examples

        .executableTarget(name: "LibraryExample", dependencies: ["ModelReg"], path: "Examples/Library"),
        .executableTarget(
            name: "BuildersGuide", dependencies: ["ModelReg", "NN", "Tensors"],
            path: "Examples/BuildersGuide", swiftSettings: strict),

        .executableTarget(
            name: "Chapters", dependencies: ["ModelReg", "NN", "Tensors"], path: "Examples/Chapters",
            swiftSettings: strict),

        .executableTarget(
            name: "Digits", dependencies: ["ModelReg", "NN", "Tensors", orderedCollections],
            path: "Examples/Digits",
            exclude: ["README.md", "digits.npz", "demo.sh"], swiftSettings: strict),

        // MARK: Benchmarks, which nobody who uses the library builds: they are no products

        .systemLibrary(name: "CPeers", path: "Benchmarks/Sources/CPeers"),
        .executableTarget(
            name: "CodecBenchmark",
            dependencies: ["TensorCodec", .target(name: "CPeers", condition: .when(traits: ["Zstd"]))],
            path: "Benchmarks/Sources/CodecBenchmark"),
        .executableTarget(
            name: "EngineBenchmark", dependencies: ["NN", "Tensors"], path: "Benchmarks/Sources/EngineBenchmark"
        ),
        .executableTarget(
            name: "CheckpointerBenchmark", dependencies: ["ModelReg", "NN", "Tensors"],
            path: "Benchmarks/Sources/CheckpointerBenchmark"),
        .executableTarget(
            name: "RegistryBenchmark", dependencies: ["ModelReg", "Foundations"],
            path: "Benchmarks/Sources/RegistryBenchmark"),

        // MARK: Build tools

        .executableTarget(name: "EmbedMigrations", swiftSettings: strict),
        .plugin(
            name: "EmbedMigrationsPlugin", capability: .buildTool(), dependencies: ["EmbedMigrations"]),

        // MARK: Tests

        .target(
            name: "TestSupport", dependencies: ["Foundations", "Tensors", "Checkpoints", orderedCollections],
            path: "Tests/TestSupport", swiftSettings: strict),
        .target(name: "PerturbedParallel", dependencies: ["CKernels"], path: "Tests/PerturbedParallel"),
        .testTarget(
            name: "CKernelsTests",
            dependencies: ["TestSupport", "PerturbedParallel", "CKernels", "CZlib", zstd],
            swiftSettings: strict),
        .testTarget(
            name: "FoundationsTests", dependencies: ["Foundations", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "ExpressionsTests", dependencies: ["Expressions"], swiftSettings: strict),
        .testTarget(name: "PlotsTests", dependencies: ["Plots"], swiftSettings: strict),
        .testTarget(
            name: "TensorsTests", dependencies: ["Foundations", "Tensors", "CKernels"], swiftSettings: strict),
        .testTarget(
            name: "NNTests", dependencies: ["Foundations", "NN", "Tensors", orderedCollections],
            swiftSettings: strict),
        .testTarget(
            name: "BuildersGuideTests",
            dependencies: [
                "Foundations", "ModelReg", "ModelRegistry", "Formats", "Checkpoints", "NN", "Tensors",
                orderedCollections,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "TensorCodecTests", dependencies: ["TestSupport", "TensorCodec"], exclude: ["Vectors"],
            swiftSettings: strict),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: ["TestSupport", "Foundations", "Checkpoints", "Tensors", orderedCollections],
            swiftSettings: strict),
        .testTarget(
            name: "WeightDiffTests",
            dependencies: [
                "TestSupport", "Foundations", "WeightDiff", "Checkpoints", "Expressions", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SQLitePagesTests", dependencies: ["TestSupport", "SQLitePages", grdb], swiftSettings: strict),
        .testTarget(
            name: "RemotesTests",
            dependencies: ["TestSupport", "Foundations", "Remotes", "Checkpoints", "TensorCodec"],
            swiftSettings: strict),
        .testTarget(
            name: "ChunkStoreTests",
            dependencies: [
                "TestSupport", "Foundations", "ChunkStore", "Checkpoints", "TensorCodec", "CSQLiteShim", grdb,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ModelRegistryTests",
            dependencies: [
                "TestSupport", "Foundations", "ChunkStore", "ModelRegistry", "Remotes", "Expressions",
                "Checkpoints", "TensorCodec", "Tensors", grdb, grdbSQLite,
                orderedCollections,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ModelRegTests",
            dependencies: [
                "TestSupport", "Foundations", "ChunkStore", "ModelReg", "ModelRegistry", "WeightDiff",
                "Formats",
                "Checkpoints", "NN",
                "Tensors",
                grdb, orderedCollections,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ModelRegCLITests",
            dependencies: ["Foundations", "ModelRegTool", "LibraryExample", "Digits"],
            swiftSettings: strict),
        .testTarget(
            name: "PagesTests",
            dependencies: ["TestSupport", "Foundations", "ModelReg", "RegistryJSON", "Plots", "Pages"],
            swiftSettings: strict),
        .testTarget(
            name: "ModelRegCTests",
            dependencies: ["CModelReg", "ModelRegC", "TestSupport", "Foundations", "ModelReg"],
            swiftSettings: strict),
        .testTarget(
            name: "FormatsTests",
            dependencies: ["Foundations", "Formats", "Checkpoints", "Tensors", orderedCollections],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
