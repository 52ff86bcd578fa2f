// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the fuzzer's `main` would clash with that of build tools. Its targets are links to the
// sources of modelreg, so that coverage counts there.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .define("Zstd"),
]
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")

/// A fuzzer, and what it reads with.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(name: name, dependencies: ["FuzzSupport"] + dependencies, swiftSettings: settings)
}

let package = Package(
    name: "Fuzz",
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        .target(name: "CKernels"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CSQLiteShim", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "Foundations", dependencies: ["CKernels", "CZlib"], swiftSettings: settings),
        .target(name: "Expressions", dependencies: ["Foundations"], swiftSettings: settings),
        .target(
            name: "Tensors", dependencies: ["Foundations", "CKernels", orderedCollections],
            swiftSettings: settings),
        .target(
            name: "TensorCodec", dependencies: ["Foundations", "CKernels", "CZlib", "CZstd"],
            swiftSettings: settings),
        .target(
            name: "Checkpoints", dependencies: ["Foundations", "Tensors", "CKernels", orderedCollections],
            swiftSettings: settings),
        .target(
            name: "WeightDiff",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "CKernels", "Expressions"],
            swiftSettings: settings),
        .target(
            name: "Formats",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "CKernels", orderedCollections],
            swiftSettings: settings),
        .target(
            name: "ChunkStore",
            dependencies: [
                "Foundations", "Checkpoints", "TensorCodec", "CKernels", "CSQLiteShim", grdb, grdbSQLite,
            ],
            swiftSettings: settings),
        .target(name: "CHTTP", linkerSettings: [.linkedLibrary("dl")]),
        .target(
            name: "Remotes",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "TensorCodec", "CKernels", "CHTTP"],
            swiftSettings: settings),
        .target(name: "SQLitePages", dependencies: ["Foundations"], swiftSettings: settings),
        // A folder with a link to the sources, and the migrations, which `run` writes there.
        .target(
            name: "ModelRegistry",
            dependencies: [
                "Foundations", "Expressions", "Tensors", "Checkpoints", "TensorCodec", "ChunkStore",
                "SQLitePages", "Remotes", "CKernels", "CSQLiteShim", grdb, orderedCollections,
            ],
            swiftSettings: settings),
        .target(
            name: "NN", dependencies: ["Foundations", "Tensors", orderedCollections], swiftSettings: settings),
        .target(
            name: "ModelReg",
            dependencies: [
                "Foundations", "Tensors", "NN", "TensorCodec", "Checkpoints", "ChunkStore", "Expressions",
                "Formats", "ModelRegistry", "Remotes", "WeightDiff", orderedCollections,
            ],
            swiftSettings: settings),
        .target(name: "RegistryJSON", dependencies: ["ModelReg", "Foundations"], swiftSettings: settings),
        .target(name: "CModelReg"),
        // Without `mr_main`: no command line is fuzzed.
        .target(
            name: "ModelRegC",
            dependencies: [
                "CModelReg", "ModelReg", "RegistryJSON", "Foundations", "Checkpoints", "Expressions", "Formats",
                "ModelRegistry", "Tensors",
            ],
            exclude: ["CommandLine.swift"], swiftSettings: settings),
        .target(
            name: "FuzzSupport",
            dependencies: ["Foundations", "Formats", "Checkpoints", "Tensors", orderedCollections],
            swiftSettings: settings),
        fuzzer("FuzzSafetensors"),
        fuzzer("FuzzZip"),
        fuzzer("FuzzPickle"),
        fuzzer("FuzzLegacy"),
        fuzzer("FuzzNumPy"),
        fuzzer("FuzzGGUF"),
        fuzzer("FuzzIndex"),
        fuzzer("FuzzChunk", ["CKernels", "TensorCodec"]),
        fuzzer("FuzzCodec", ["CKernels", "CZstd", "TensorCodec"]),
        fuzzer("FuzzStored", ["Checkpoints", "Foundations", "ModelRegistry", grdb]),
        fuzzer("FuzzQuery", ["Expressions", "Foundations", "ModelRegistry", "WeightDiff"]),
        fuzzer("FuzzPatch", ["Checkpoints", "Foundations", "ModelRegistry", "Tensors", orderedCollections]),
        fuzzer("FuzzRows", ["Checkpoints", "ChunkStore", "ModelRegistry", "Tensors", grdb]),
        fuzzer("FuzzPages", ["SQLitePages"]),
        fuzzer("FuzzTree", ["Checkpoints", "Foundations", "Remotes"]),
        fuzzer("FuzzInterface", ["CModelReg", "ModelRegC"]),
    ],
    swiftLanguageModes: [.v6]
)
