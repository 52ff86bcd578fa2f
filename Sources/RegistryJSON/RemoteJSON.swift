/// A remote, as JSON shows it.
package struct RemoteJSON: Encodable {
    let name: String
    let address: String

    package init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}
