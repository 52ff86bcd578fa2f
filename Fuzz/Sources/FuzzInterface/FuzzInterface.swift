import CModelReg
import FuzzSupport
import Glibc
import ModelRegC

/// A program that calls the C interface with what it should not: leaves, structures, options, commands, numbers. Whatever
/// is wrong must be a code and one line; only pointers are what they are declared to be, as no library can tell.
///
/// The first byte says which function is called, so that an input is a few calls one after the other.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let client = Client.shared
    client.begin()
    for _ in 0..<4 where !input.isEmpty {
        switch input.byte() {
        case UInt8(ascii: "s"): client.save(&input)
        case UInt8(ascii: "c"): client.call(&input)
        case UInt8(ascii: "l"): client.load(&input)
        case UInt8(ascii: "h"): client.useHandles(&input)
        default: return -1
        }
    }
    return 0
}

/// What a call gave back.
struct Answer {
    let code: Int32
    let result: String?

    /// Calls a function, and checks what every answer is.
    init(_ body: (inout UnsafeMutablePointer<CChar>?, inout mr_error) -> Int32) {
        var text: UnsafeMutablePointer<CChar>?
        var error = mr_error(code: 0, message: nil)
        code = body(&text, &error)
        defer {
            mr_free(text)
            mr_free(error.message)
        }
        require(error.code == code, "two codes: \(code) and \(error.code)")
        let message = error.message.map { String(cString: $0) }
        require((message == nil) == (code == 0), "code \(code) with the message \(message ?? "none")")
        require(code != Int32(MR_SOFTWARE.rawValue), "a fault of the library: \(message ?? "")")
        require(message?.contains("\n") != true, "an error of two lines: \(message ?? "")")
        require(
            message?.contains("DecodingError") != true, "an error that is none for people: \(message ?? "")")
        require(
            message?.contains("EncodingError") != true, "an error that is none for people: \(message ?? "")")
        guard let text else {
            result = nil
            return
        }
        guard let valid = String(validatingCString: text) else { fail("a result that is no UTF-8") }
        require(code == 0, "a result beside an error")
        result = valid
    }
}
