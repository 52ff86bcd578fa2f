import ModelReg

/// What a shell offers where a model or version is expected. Silent where there is no registry.
enum ReferenceCompletion {
    static func models() -> [String] {
        (try? registry().models().map(\.name)) ?? []
    }

    static func references() -> [String] {
        guard let registry = try? registry(), let models = try? registry.models() else { return [] }
        return models.flatMap { model in
            [model.name] + model.aliases.map { "\(model.name):\($0)" }
                + (model.latest.map { [$0.reference] } ?? [])
        }
    }

    static func runs() -> [String] { (try? registry().runs().map(\.reference)) ?? [] }

    private static func registry() throws -> Registry {
        try Registry(
            path: try Environment.value("MODELREG_REGISTRY") ?? "modelreg.db", create: false, waitSeconds: 1)
    }
}
