import Foundations
import Testing

struct ChildProcessInputTests {
    @Test func programsReadWhatTheyAreGiven() {
        let input = [UInt8](repeating: UInt8(ascii: "a"), count: ChildProcess.maximumInputByteCount)
        let output = ChildProcess.output(of: ["cat"], input: input, timeoutSeconds: 60)
        #expect(output.map { Array($0.utf8) } == input)
        #expect(ChildProcess.output(of: ["cat"], timeoutSeconds: 60) == "")
        #expect(ChildProcess.output(of: ["cat"], input: input + [0], timeoutSeconds: 60) == nil)
        // Who does not read is not waited for.
        #expect(ChildProcess.output(of: ["echo", "a"], input: input, timeoutSeconds: 60) == "a\n")
    }
}
