import Checkpoints
import Formats
import Foundation
import Testing

/// Files that are no checkpoints: what each is, and what to do about it, in one line.
struct UnsupportedFormatTests {
    /// The first bytes of files of other kinds, and what is said of each.
    private static let foreign: [(bytes: [UInt8], expected: String)] = [
        (hex("1f8b 0800"), "the file is compressed with gzip; unpack it with gunzip first"),
        (hex("fd37 7a58 5a00 00"), "the file is compressed with xz; unpack it with unxz first"),
        (hex("28b5 2ffd"), "the file is compressed with zstd; unpack it with unzstd first"),
        (
            hex("89 484446 0d0a1a0a"),
            "the file is an HDF5 file, such as Keras writes, which is not supported; save its arrays as safetensors or"
                + " .npz"
        ),
        (
            Array("tjgg\u{3}\0\0\0".utf8),
            "the file is a GGML file, as llama.cpp wrote before GGUF, which is not supported; convert it to GGUF"
        ),
        (
            Array("\u{1C}\0\0\0TFL3".utf8),
            "the file is a TensorFlow Lite model, which is not supported; save the model that it was exported from"
        ),
        // {"params": {…}}
        (
            hex("81 a6 706172616d73 81"),
            "the file is msgpack, as flax_model.msgpack is, which is not supported; save its arrays as safetensors or"
                + " .npz"
        ),
        (hex("de 0001 a6 706172616d73 81"), foreign(.msgpack)),
        (hex("df 00000001 d9 01 61 81"), foreign(.msgpack)),
        // ir_version 8, producer_name "ab", a graph of 5 bytes, of which the first is there.
        (
            hex("08 08 12 02 6162 3a 05 0a"),
            "the file is an ONNX model, which is not supported; save the model that it was exported from"
        ),
        (hex("08 0a 42 04 0a 00 10 0d"), foreign(.onnx)),
        (
            Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 52) + Array("MReG".utf8),
            "the file is a registry of modelreg and not a checkpoint; `modelreg merge` takes its versions"
        ),
        (Array("SQLite format 3\0".utf8), foreign(.sqlite)), (hex("7f 454c46"), foreign(.program)),
        (
            [UInt8](repeating: 0, count: 512),
            "the file begins with zeros, as a download or copy that was not finished does; get it again"
        ),
        (
            Array("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4976698672\n".utf8),
            "the file is a Git LFS pointer to 4976698672 bytes that are not here; run `git lfs pull`"
        ),
        (
            Array("version https://git-lfs.github.com/spec/v1\nsize 99999999999999999999\n".utf8),
            "the file is a Git LFS pointer, the bytes are not here; run `git lfs pull`"
        ),
        // As Windows has it.
        (
            Array("version https://git-lfs.github.com/spec/v1\r\noid sha256:ab\r\nsize 5\r\n".utf8),
            "the file is a Git LFS pointer to 5 bytes that are not here; run `git lfs pull`"
        ),
        (
            Array("\u{FEFF}\n <!DOCTYPE HTML>".utf8),
            "the file is an HTML page: the download failed or needs a login; download it again"
        ),
        (
            Array("<?xml version='1.0'?><Error>".utf8),
            "the file is XML: the download failed or needs a login; download it again"
        ),
        (
            Array("Access to model x is restricted.\nSecond line".utf8),
            "not a checkpoint that modelreg can read: a text that begins \"Access to model x is restricted.\""
        ),
    ]

    private static func foreign(_ format: ForeignFormat) -> String {
        UnsupportedFormat.foreign(format).description
    }

    @Test(arguments: foreign)
    func areNamed(bytes: [UInt8], expected: String) {
        #expect(message(reading: bytes) == expected)
    }

    /// Whatever follows the first bytes, there is one line and no trap.
    @Test func damagedOnesAreNamedToo() {
        var generator = SeededGenerator(state: 1)
        let tar = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8)
        for (bytes, _) in UnsupportedFormatTests.foreign + [(tar, "")] {
            for _ in 0..<50 {
                var damaged =
                    bytes
                    + (0..<Int.random(in: 0...1200, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                let place = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
                let text = message(reading: damaged)
                #expect(text?.contains("\n") == false, "seed 1: \(damaged)")
            }
        }
    }

    /// Some bytes only look like another format at first.
    @Test(arguments: [
        // A length beyond the file, a map without a text, a model without a graph, a field of the wrong kind.
        "81 a6 7061", "81 81 a1 61", "08 08 12 02 6162", "08 08 10 01 3a 01 00", "08 00 3a 01 00", "de 00",
        // Not even a whole character, and a line of text before other bytes.
        "c3", "61 62 0a 00 01",
    ])
    func othersAreUnknown(digits: String) {
        #expect(message(reading: hex(digits)) == UnsupportedFormat.unknown.description)
    }

    @Test func everyFormatHasAWordAndAnAdvice() {
        for format in ForeignFormat.allCases {
            let text = UnsupportedFormat.foreign(format).description
            #expect(text.hasPrefix("the file is ") && text.contains("; ") && !text.contains("\n"))
        }
    }

    @Test func membersOfZipArchivesAreNamed() {
        let one = ZipBuilder([("__MACOSX/._m.pt", [1]), ("d/", []), ("d/m.pt", [1]), ("d/config.json", [1])])
        #expect(
            message(reading: one.bytes) == "the file is a zip archive; extract \"d/m.pt\" from it and save that"
        )
        let two = ZipBuilder([("a.gguf", [1]), ("b.gguf", [1])])
        #expect(
            message(reading: two.bytes)
                == "the file is a zip archive of 2 checkpoints; extract one and save it, such as \"a.gguf\"")
    }

    @Test func membersOfTarArchivesAreNamed() {
        func member(_ name: String, _ size: String, type: UInt8 = 0x30, _ data: [UInt8]) -> [UInt8] {
            var header = Array(name.utf8) + [UInt8](repeating: 0, count: 512 - name.utf8.count)
            header.replaceSubrange(124..<124 + size.utf8.count, with: Array(size.utf8))
            header[156] = type
            header.replaceSubrange(257..<262, with: Array("ustar".utf8))
            return header + data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
        }
        let nemo =
            member("./model_config.yaml", "00000000003", [1, 2, 3])
            + member("././@LongLink", "00000000006", type: 0x4C, Array("w.ckpt".utf8))
            + member("cut", "00000000001", [1])
            + member("PaxHeaders/x", "00000000015", type: 0x78, Array("13 path=y.pt\n".utf8))
            + member("y", "00000000000", []) + [UInt8](repeating: 0, count: 1024)
        #expect(
            message(reading: nemo)
                == "the file is a tar archive of 2 checkpoints; extract one and save it, such as \"w.ckpt\"")
        // Lengths that lead beyond the file, and none at all.
        for size in ["77777777777", "", "\u{7F}"] {
            #expect(
                message(reading: member("a", size, []) + member("b.pt", "0", []))
                    == "the file is a tar archive without a checkpoint in it")
        }
    }

    @Test func unfinishedDownloadsAreToldByTheirNames() throws {
        let whole = Examples.path("x-file")
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { remove(folder) }
        func message(_ name: String) -> String? {
            do {
                _ = try CheckpointFile.read(path: "\(folder)/\(name)")
                return nil
            } catch {
                return "\(error)"
            }
        }
        for name in ["a.pt", "b.pt.incomplete"] {
            try FileManager.default.copyItem(atPath: whole, toPath: "\(folder)/\(name)")
        }
        #expect(message("a.pt") == nil)
        #expect(
            message("b.pt.incomplete")
                == "a download that is not complete, as the ending .incomplete says; finish it, or rename it if it is"
                + " whole")
        // The program has made room for the whole file: it has its length, and holes that nothing tells of.
        try Data().write(to: URL(fileURLWithPath: "\(folder)/a.pt.aria2"))
        #expect(
            message("a.pt") == "a download that is not complete, as \"a.pt.aria2\" beside it says; finish it")
        let header = Array(#"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#.utf8)
        try Data(bytes(of: UInt64(header.count)) + header + [1]).write(
            to: URL(fileURLWithPath: "\(folder)/c.part"))
        #expect(
            message("c.part")
                == "a download that is not complete, as the ending .part says (the file is cut short by 8 bytes: its"
                + " tensors need 9, 1 are there); finish it")
    }

    @Test func archivesThatAreCutShortSayByHowMuch() {
        let whole = ZipBuilder([("a.npy", [1]), ("b.npy", [UInt8](repeating: 2, count: 100))]).bytes
        let start = 2 * 35 + 1
        #expect(
            message(reading: Array(whole[..<(start + 40)]))
                == "the zip archive is cut short by 60 bytes or more: it ends within \"b.npy\"")
        // All entries are there, the directory is not.
        #expect(
            message(reading: Array(whole[..<(start + 100)]))
                == "the zip archive is cut short: its directory, which comes last, is not there")
    }
}
