package import ModelReg

/// What was done to an alias, as JSON shows it.
package struct AliasJSON: Encodable {
    let model: String
    let alias: String
    let version: Int?
    let before: Int?
    var isProtected: Bool?

    package init(model: String, alias: String, version: Int?, before: Int?, isProtected: Bool? = nil) {
        self.model = model
        self.alias = alias
        self.version = version
        self.before = before
        self.isProtected = isProtected
    }
}

/// An alias, as JSON shows it.
package struct ListedAliasJSON: Encodable {
    let model: String
    let alias: String
    let version: Int
    let updatedAt: String
    let isProtected: Bool
    let isPinned: Bool

    package init(_ alias: Alias) {
        model = alias.model
        self.alias = alias.name
        version = alias.number
        updatedAt = Moment.exact(alias.updatedAt)
        isProtected = alias.isProtected
        isPinned = alias.isPinned
    }
}
