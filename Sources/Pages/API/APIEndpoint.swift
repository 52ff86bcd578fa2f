import ModelReg
import RegistryJSON

/// One question that programs can ask, with what its description says: there is one list, so that they cannot differ.
struct APIEndpoint: Sendable {
    struct Parameter: Sendable {
        enum Kind: String {
            case text = "string"
            case count = "integer"
        }

        let name: String
        let kind: Kind
        let isRequired: Bool
        let summary: String

        init(_ name: String, _ summary: String, _ kind: Kind = .text, isRequired: Bool = false) {
            self.name = name
            self.kind = kind
            self.isRequired = isRequired
            self.summary = summary
        }
    }

    /// Below `/api/v1/`.
    let name: String
    let summary: String
    let parameters: [Parameter]
    /// What the answer is, as a schema of `OpenAPI`.
    let schema: OpenAPI.Schema
    let answer: @Sendable (PageSite, PageAddress) throws -> PageAnswer

    init(
        _ name: String, _ summary: String, _ parameters: [Parameter], _ schema: OpenAPI.Schema,
        _ answer: @escaping @Sendable (PageSite, PageAddress) throws -> PageAnswer
    ) {
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.schema = schema
        self.answer = answer
    }

    /// Rows of one answer, unless it says otherwise; and at most.
    static let rowCount = 100
    static let rowLimit = 1000
}

extension PageSite {
    /// - Throws: ``PageError``, and what the registry throws.
    func api(_ address: PageAddress) throws -> PageAnswer {
        let prefix = "/api/v1/"
        guard address.path.hasPrefix(prefix) else { throw PageError.noPage }
        let name = String(address.path.dropFirst(prefix.count))
        if name == "openapi.json" { return PageAnswer.json(OpenAPI.text) }
        guard let endpoint = APIEndpoint.all.first(where: { $0.name == name }) else { throw PageError.noPage }
        for item in address.items where !endpoint.parameters.contains(where: { $0.name == item.name }) {
            throw PageError.invalid("\(name) has no parameter \(item.name)")
        }
        for parameter in endpoint.parameters {
            if parameter.isRequired, address[parameter.name] == nil {
                throw PageError.invalid("\(name) needs \(parameter.name)=…")
            }
        }
        return try endpoint.answer(self, address)
    }
}

extension PageAnswer {
    static func json(_ text: String) -> PageAnswer {
        PageAnswer(contentType: PageAnswer.json, body: .bytes(Array((text + "\n").utf8)))
    }

    static func json(encoding value: some Encodable) throws -> PageAnswer {
        json(try JSON.text(value, isPretty: false))
    }
}
