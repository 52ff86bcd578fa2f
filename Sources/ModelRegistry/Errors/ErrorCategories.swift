public import Foundations

extension RegistryError: CategorisedError {
    /// What it means to whoever has to do something about it.
    public var category: ErrorCategory {
        switch self {
        case .noRegistry, .noModel, .noRun, .noVersion, .noVersions, .noEarlierVersion, .noAlias,
            .contentMismatch, .thinned, .noDeletedVersion, .deletedMeanwhile:
            .noInput
        case .gated: .found
        case .notARegistry, .newerRegistry: .configuration
        case .busy: .busy
        case .readOnly, .inputOutput, .closed, .changedWhileSaving: .inputOutput
        case .badModelName, .badAlias, .reservedAlias, .badReference, .badAttribute, .protectedAlias, .aliased,
            .noTensor, .badRows, .badRunName, .ambiguousRun, .runExists, .runIsRunning, .badStep,
            .notDeleted, .badDeletedReference, .sameRegistry, .nothingLeft:
            .usage
        case .damaged, .mergeSource: .badData
        }
    }
}

extension RegistryError.Damage: CategorisedError {
    /// Damage, wherever it is.
    public var category: ErrorCategory { .badData }
}

extension PatchError: CategorisedError {
    /// What it means to whoever has to do something about it.
    public var category: ErrorCategory {
        switch self {
        case .noBase: .noInput
        case .notAPatch, .newerFormat, .damaged, .baseUnreadable: .badData
        }
    }
}

extension BisectError: CategorisedError {
    /// Versions or an expression that cannot be bisected.
    public var category: ErrorCategory { .usage }
}

extension VersionRecordError: CategorisedError {
    /// An expression that asks for what versions do not have.
    public var category: ErrorCategory { .usage }
}
