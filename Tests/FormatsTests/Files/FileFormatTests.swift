import Formats
import Testing

/// Files are recognised by what they hold; what cannot be read is named.
struct FileFormatTests {
    @Test(arguments: [
        ("", "the file is empty"),
        ("68656c6c6f", "not a checkpoint that modelreg can read: a text that begins \"hello\""),
        ("47475546 03000000", "the file is cut short within the GGUF header"),
        ("7b 22", "the file is JSON, which is read as the index of a model in several files only"),
    ])
    func nameWhatTheFileIs(digits: String, expected: String) {
        #expect(message(reading: hex(digits)) == expected)
    }

    @Test func tarIsRecognisedByItsMagic() {
        let header =
            [UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8) + [UInt8](repeating: 0, count: 249)
        #expect(message(reading: header)?.hasPrefix("the file is a tar archive") == true)
    }

    @Test func zipArchivesOfOthersAreNamed() {
        let keras = ZipBuilder([("config.json", [1]), ("model.weights.h5", [2])])
        #expect(message(reading: keras.bytes)?.hasPrefix("the file is a Keras model") == true)
        #expect(
            message(reading: ZipBuilder([("a.txt", [1])]).bytes)
                == "a zip archive, but not a PyTorch file: it has no data.pkl")
    }

    @Test func directoriesAndMissingFilesAreFileErrors() {
        #expect { try CheckpointFile.read(path: "/tmp") } throws: { error in
            "\(error)" == "cannot read \"/tmp\": Is a directory"
        }
        #expect { try CheckpointFile.read(path: "/nowhere/a.pt") } throws: { error in
            "\(error)" == "cannot open \"/nowhere/a.pt\": No such file or directory"
        }
    }
}
