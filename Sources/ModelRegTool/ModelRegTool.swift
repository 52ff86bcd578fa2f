import Glibc
import ModelRegCLI

/// The program `modelreg`. All that it does is in `ModelRegCLI`, which the C interface has, too.
@main
enum ModelRegTool {
    static func main() {
        let words = (0..<Int(CommandLine.argc)).compactMap { index in
            CommandLine.unsafeArgv[index].map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
        exit(runCommandLine(words))
    }
}
