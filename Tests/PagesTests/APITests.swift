import Foundation
import ModelReg
import Pages
import Testing

@Suite struct APITests {
    private typealias Object = [String: Any]

    private func object(_ answer: PageAnswer) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(Samples.text(answer).utf8), options: .fragmentsAllowed)
    }

    private func description(_ site: PageSite) throws -> Object {
        try #require(try object(site.answer(to: "/api/v1/openapi.json")) as? Object)
    }

    /// As much of JSON Schema as the description uses.
    private func problems(_ value: Any, _ schema: Object, at place: String) -> [String] {
        if let choices = schema["oneOf"] as? [Object] {
            let fitting = choices.filter { problems(value, $0, at: place).isEmpty }
            return fitting.count == 1 ? [] : ["\(place): fits \(fitting.count) of \(choices.count) schemas"]
        }
        switch schema["type"] as? String {
        case "array":
            guard let items = value as? [Any] else { return ["\(place): no array"] }
            guard let item = schema["items"] as? Object else { return [] }
            return items.enumerated().flatMap { problems($1, item, at: "\(place)[\($0)]") }
        case "object":
            guard let members = value as? Object else { return ["\(place): no object"] }
            var found = (schema["required"] as? [String] ?? []).filter { members[$0] == nil }.map {
                "\(place): no \($0)"
            }
            guard let properties = schema["properties"] as? [String: Object] else { return found }
            for (name, member) in members {
                guard let property = properties[name] else {
                    found.append("\(place).\(name) is not described")
                    continue
                }
                found += problems(member, property, at: "\(place).\(name)")
            }
            return found
        case "string": return value is String ? [] : ["\(place): no string"]
        case "boolean":
            return (value as? NSNumber).map { CFBooleanCheck.isBoolean($0) } == true
                ? [] : ["\(place): no boolean"]
        case "integer":
            return (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } == true
                ? [] : ["\(place): no integer"]
        case "number": return value is NSNumber ? [] : ["\(place): no number"]
        default: return ["\(place): type \(String(describing: schema["type"])) of a schema"]
        }
    }

    private enum CFBooleanCheck {
        static func isBoolean(_ number: NSNumber) -> Bool {
            number == NSNumber(value: true) || number == NSNumber(value: false)
        }
    }

    @Test func answersAreAsDescribed() throws {
        let registry = try Samples.hostileRegistry()
        let site = PageSite(registry)
        let paths = try #require(try description(site)["paths"] as? [String: Object])
        var requests: [(String, [(String, String?)])] = [
            ("models", []), ("versions", [("model", "m")]),
            ("versions", [("model", "m"), ("where", "version >= 1"), ("sort", "-version"), ("limit", "1")]),
            ("version", [("ref", "m:v1")]), ("history", [("model", "m"), ("path", "*")]),
            ("diff", [("a", "m:v1"), ("b", "m:v2")]), ("runs", []), ("runs", [("model", "m"), ("from", "0")]),
            ("run", [("ref", "m/r")]), ("metrics", [("run", "m/r"), ("name", "nan")]),
            ("metrics", [("run", "m/r"), ("name", "nan"), ("columns", "10")]), ("lineage", [("ref", "m:v2")]),
            ("lineage", [("ref", "m:v1"), ("descendants", "1")]), ("storage", []),
            ("storage", [("model", "m")]),
            ("aliases", []),
        ]
        requests.append(("export", [("ref", "m:v1"), ("format", "safetensors")]))
        #expect(
            Set(requests.map(\.0))
                == Set(paths.keys.map { $0.split(separator: "/").last.map(String.init) ?? "" }))
        for (name, items) in requests {
            let target = PageAddress("/api/v1/\(name)", items).target
            var answer = site.answer(to: target)
            while answer.status == 202 { answer = site.answer(to: target) }
            #expect(answer.status == 200, "\(target): \(Samples.text(answer))")
            let responses = (paths["/api/v1/\(name)"]?["get"] as? Object)?["responses"] as? Object
            let content = (responses?["200"] as? Object)?["content"] as? [String: Object]
            let schema = try #require(content?[answer.contentType]?["schema"] as? Object, "\(name)")
            if schema["format"] as? String == "binary" { continue }
            #expect(problems(try object(answer), schema, at: name) == [], "\(target)")
        }
    }

    /// Each parameter that is described is understood, and no other.
    @Test func parametersAreAsDescribed() throws {
        let site = PageSite(try Samples.hostileRegistry())
        let paths = try #require(try description(site)["paths"] as? [String: Object])
        for (path, operations) in paths {
            let operation = try #require(operations["get"] as? Object)
            for parameter in operation["parameters"] as? [Object] ?? [] {
                guard parameter["required"] as? Bool == true else { continue }
                let answer = site.answer(to: path)
                #expect(answer.status == 400, "\(path) without \(parameter["name"] ?? "")")
                let error = try #require(try object(answer) as? Object)
                #expect(error["status"] as? Int == 400)
            }
            #expect(site.answer(to: path + "?unknown=1").status == 400, "\(path)")
        }
    }
}
