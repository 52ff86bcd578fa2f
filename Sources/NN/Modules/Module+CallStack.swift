import Foundations

extension Module: CallNamed {
    /// `Sequential at "0.linear": Linear(in_features=4, …)`, or the module alone where it is the innermost itself.
    package func callDescription(of innermost: AnyObject) -> String? {
        guard let inner = innermost as? Module else { return nil }
        let text = "\(inner.typeName)(\(inner.settingsDescription))"
        if inner === self { return text }
        guard let path = namedModules().first(where: { $0.module === inner })?.name else { return text }
        return "\(typeName) at \"\(path)\": \(text)"
    }
}
