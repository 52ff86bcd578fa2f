import CModelReg
import Foundation
import Foundations
import Glibc
import ModelReg

/// Arguments that cannot be meant.
struct Refusal: CategorisedError, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    var category: ErrorCategory { .usage }
}

/// Calls `body`, and says of what it throws which code it is and why.
func answering(_ error: UnsafeMutablePointer<mr_error>?, _ body: () throws -> Void) -> Int32 {
    error?.pointee = mr_error(code: 0, message: nil)
    do {
        try body()
        return Int32(MR_OK.rawValue)
    } catch let failure {
        let code = Int32(failureCode(failure).rawValue)
        error?.pointee = mr_error(code: code, message: copied(failureText(failure)))
        return code
    }
}

private func failureCode(_ error: any Error) -> mr_code {
    if error is CancellationError { return MR_CANCELLED }
    if error is DecodingError { return MR_USAGE }
    return switch ErrorCategory(error) {
    case .found: MR_FOUND
    case .usage: MR_USAGE
    case .badData: MR_BAD_DATA
    case .noInput: MR_NO_INPUT
    case .cannotCreate: MR_CANNOT_CREATE
    case .inputOutput: MR_INPUT_OUTPUT
    case .busy: MR_BUSY
    case .unavailable: MR_UNAVAILABLE
    case .notPermitted: MR_NOT_PERMITTED
    case .configuration: MR_CONFIGURATION
    }
}

private func failureText(_ error: any Error) -> String {
    if error is CancellationError { return "cancelled" }
    guard let error = error as? DecodingError else { return printable("\(error)") }
    func at(_ context: DecodingError.Context) -> String {
        context.codingPath.map { printable($0.stringValue) }.joined(separator: "/")
    }
    return switch error {
    case .keyNotFound(let key, let context):
        "argument \"\(at(context) + (context.codingPath.isEmpty ? "" : "/") + key.stringValue)\" is missing"
    case .typeMismatch(let type, let context): "argument \"\(at(context))\" is not what it should be: \(type)"
    case .valueNotFound(_, let context): "argument \"\(at(context))\" is null"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: "arguments are no JSON object"
    case .dataCorrupted(let context):
        "argument \"\(at(context))\": \(printable(context.debugDescription))"
    @unknown default: "arguments that cannot be understood"
    }
}

/// A copy of `text` for the caller, up to its first NUL; `nil` where there is no memory.
func copied(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }

/// Gives `text` to the caller.
///
/// - Throws: ``Refusal`` where the caller has no place for it.
func give(_ text: String, to result: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) throws {
    guard let result else { throw Refusal("result_json is NULL") }
    result.pointee = copied(text)
}

/// The text that an argument is.
///
/// - Throws: ``Refusal`` where it is NULL or no UTF-8.
func text(_ argument: UnsafePointer<CChar>?, _ name: StaticString) throws -> String {
    guard let argument else { throw Refusal("\(name) is NULL") }
    guard let text = String(validatingCString: argument) else { throw Refusal("\(name) is no UTF-8") }
    return text
}

/// The options that a text of JSON says; those of an empty object where it is NULL.
///
/// - Throws: ``Refusal``, `DecodingError`.
func decoded<Arguments: Decodable>(
    _ argument: UnsafePointer<CChar>?, _ name: StaticString, as type: Arguments.Type = Arguments.self
) throws -> Arguments {
    let json = try argument.map { try text($0, name) } ?? "{}"
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .useDefaultKeys
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: Data(json.utf8))
}
