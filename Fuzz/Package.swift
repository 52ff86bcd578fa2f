// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the fuzzer's `main` would clash with that of build tools. Its targets are links to the
// sources of modelreg, so that coverage counts there.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")

/// One fuzzer for each parser; `run` runs them all.
let fuzzers = ["FuzzSafetensors", "FuzzZip", "FuzzPickle", "FuzzLegacy", "FuzzNumPy", "FuzzGGUF", "FuzzIndex"]

let package = Package(
    name: "Fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-collections", from: "1.6.0")],
    targets: [
        .target(name: "CKernels"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Foundations", dependencies: ["CKernels", "CZlib"], swiftSettings: settings),
        .target(
            name: "Tensors", dependencies: ["Foundations", "CKernels", orderedCollections],
            swiftSettings: settings),
        // What the parsers need.
        .target(
            name: "Checkpoints", dependencies: ["Foundations", "Tensors", "CKernels", orderedCollections],
            swiftSettings: settings),
        .target(
            name: "Formats",
            dependencies: ["Foundations", "Tensors", "Checkpoints", "CKernels", orderedCollections],
            swiftSettings: settings),
        .target(
            name: "FuzzSupport",
            dependencies: ["Foundations", "Formats", "Checkpoints", "Tensors", orderedCollections],
            swiftSettings: settings),
    ] + fuzzers.map { .executableTarget(name: $0, dependencies: ["FuzzSupport"], swiftSettings: settings) },
    swiftLanguageModes: [.v6]
)
