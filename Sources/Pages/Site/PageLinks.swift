import Synchronization

/// How pages name each other: by what a server is asked for, or by files beside each other.
enum PageLinks: Sendable {
    /// `/version?ref=mlp:v3`.
    case served
    /// `version-mlp-v3-1f2e3d4c.html`; what is linked to is remembered, so that it is written, too.
    case frozen(FrozenLinks)

    /// The address to write into a page; `nil` where nothing will be there.
    func href(_ address: PageAddress) -> String? {
        switch self {
        case .served:
            // What no request could ask for: a name may be a megabyte.
            address.target.utf8.count <= PageLinks.targetLimit ? address.target : nil
        case .frozen(let links): links.href(address)
        }
    }

    /// Bytes of what a link leads to; a request has some more.
    private static let targetLimit = 4000

    var isFrozen: Bool { if case .frozen = self { true } else { false } }
}
