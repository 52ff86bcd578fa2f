package import ModelReg

/// A version or run that came in, as JSON shows it: what it is called there and here.
package struct BroughtInJSON: Encodable {
    let theirs: String
    let ours: String

    package init(_ added: MergeReport.Added) {
        theirs = added.theirs
        ours = added.ours
    }
}

/// An alias that names different versions there and here, as JSON shows it.
package struct AliasConflictJSON: Encodable {
    let alias: String
    let ours: String
    let theirs: String
    let isTheirs: Bool

    package init(_ conflict: MergeReport.Conflict) {
        alias = conflict.alias
        ours = conflict.ours
        theirs = conflict.theirs
        isTheirs = conflict.isTheirs
    }
}
