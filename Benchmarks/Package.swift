// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds modelreg builds its benchmarks.
let package = Package(
    name: "Benchmarks",
    // Named, because a clone may be in a directory of any name.
    dependencies: [.package(name: "modelreg", path: "..")],
    targets: [
        .systemLibrary(name: "CPeers", providers: [.apt(["zlib1g-dev", "libzstd-dev"])]),
        .executableTarget(
            name: "CodecBenchmark",
            dependencies: [.product(name: "TensorCodec", package: "modelreg"), "CPeers"]),
        .executableTarget(
            name: "EngineBenchmark",
            dependencies: [
                .product(name: "NN", package: "modelreg"), .product(name: "Tensors", package: "modelreg"),
            ]),
        .executableTarget(
            name: "CheckpointerBenchmark",
            dependencies: [
                .product(name: "ModelReg", package: "modelreg"), .product(name: "NN", package: "modelreg"),
                .product(name: "Tensors", package: "modelreg"),
            ]),
        .executableTarget(
            name: "RegistryBenchmark",
            dependencies: [.product(name: "ModelReg", package: "modelreg")]),
    ],
    swiftLanguageModes: [.v6]
)
