/// Objects that were visited, known by identity, and kept alive: `members` may make modules on the fly, and the
/// identifier of one that is freed is soon another's.
struct IdentitySet {
    private var objects: [ObjectIdentifier: AnyObject] = [:]

    /// Whether `object` is new.
    mutating func insert(_ object: AnyObject) -> Bool {
        objects.updateValue(object, forKey: ObjectIdentifier(object)) == nil
    }
}
