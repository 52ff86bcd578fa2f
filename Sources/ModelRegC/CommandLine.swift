// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CModelReg
import ModelRegCLI

/// The command line.
@c @implementation
public func mr_main(_ argc: Int32, _ argv: UnsafePointer<UnsafePointer<CChar>?>!) -> Int32 {
    guard let argv, argc > 0 else { return Int32(MR_USAGE.rawValue) }
    var words: [[UInt8]] = []
    for index in 0..<Int(argc) {
        guard let word = argv[index] else { return Int32(MR_USAGE.rawValue) }
        words.append([UInt8](UnsafeRawBufferPointer(start: word, count: length(word))))
    }
    return runCommandLine(words)
}

private func length(_ text: UnsafePointer<CChar>) -> Int {
    var count = 0
    while text[count] != 0 { count += 1 }
    return count
}
