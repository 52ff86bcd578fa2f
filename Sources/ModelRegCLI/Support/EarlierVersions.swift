import ModelReg

/// What a new version makes old.
enum EarlierVersions {
    /// Packs the versions before a new one. That one is saved: that this can wait is no reason to fail.
    static func pack(_ model: String, in registry: Registry, _ options: GlobalOptions) {
        let bar = ProgressBar("packing", options)
        do {
            try registry.packNewVersions(of: model, progress: bar.handler)
            bar.clear()
        } catch {
            bar.clear()
            options.message("note: saved, but earlier versions are not packed: \(error)")
        }
    }
}
