import Checkpoints
import Formats
import Tensors
import Testing

/// A pickle of `None`.
private let nothing: [UInt8] = [0x80, 2, 0x4E, 0x2E]

private func archive(_ change: (inout ZipBuilder) -> Void) -> [UInt8] {
    var builder = ZipBuilder([
        ("a/data.pkl", nothing), ("a/data/0", [1, 2, 3, 4]), ("a/version", [0x33, 0x0A]),
    ])
    change(&builder)
    return builder.bytes
}

struct ZipArchiveTests {
    @Test func readsAnArchiveWithoutAttributes() throws {
        guard case .none = try read(archive { _ in }).checkpoint else {
            Issue.record("not none")
            return
        }
    }

    /// What archives above 4 GiB have, written although the archive is small.
    @Test func readsWideSizesAndOffsets() throws {
        let wide = hex("0100 1000 0400000000000000 0400000000000000")
        let name = Array("a/data.pkl".utf8)
        let checksum = bytes(of: ZipBuilder.crc32(nothing))
        let local =
            hex("504b0304 2d00 0000 0000 00000000") + checksum + hex("ffffffff ffffffff 0a00 1400") + name
            + wide
            + nothing
        let central =
            hex("504b0102 2d00 2d00 0000 0000 00000000") + checksum
            + hex("ffffffff ffffffff 0a00 1c00 0000 0000 0000 00000000 ffffffff") + name
            + hex("0100 1800 0400000000000000 0400000000000000 0000000000000000")
        let end64 =
            hex("504b0606 2c00000000000000 2d00 2d00 00000000 00000000 0100000000000000 0100000000000000")
            + bytes(of: UInt64(central.count)) + bytes(of: UInt64(local.count))
        let locator =
            hex("504b0607 00000000") + bytes(of: UInt64(local.count + central.count)) + hex("01000000")
        let end = hex("504b0506 0000 0000 ffff ffff ffffffff ffffffff 0000")
        #expect(message(reading: local + central + end64 + locator + end) == nil)
        // The narrow fields may say the same, but nothing else.
        let other = hex("504b0506 0000 0000 0200 0200 ffffffff ffffffff 0000")
        #expect(
            message(reading: local + central + end64 + locator + other)
                == "the directory of the zip archive is damaged")
    }

    @Test func refusesDuplicateNames() {
        let file = archive { $0.entries[2].name = $0.entries[1].name }
        #expect(message(reading: file) == "the zip archive has \"a/data/0\" twice")
    }

    @Test func refusesEntriesThatShareBytes() {
        // The second entry's header lies within the first one's contents.
        var inner = ZipBuilder([("a/data/0", [1, 2, 3, 4])]).bytes
        inner.removeLast(22 + 46 + 8)
        var builder = ZipBuilder([("a/data.pkl", inner), ("a/data/0", [1, 2, 3, 4])])
        builder.entries[1].headerOffset = 30 + 10
        #expect(message(reading: builder.bytes) == "\"a/data/0\" overlaps another entry of the zip archive")
    }

    @Test(arguments: ["../a", "a/../../b", "/etc/passwd", "a\\b", "a\0b", ""])
    func refusesNamesThatLeadOut(name: String) {
        let file = archive { $0.entries[1].name = Array(name.utf8) }
        #expect(message(reading: file)?.hasPrefix("the zip archive has an entry with the unsafe name") == true)
    }

    @Test func refusesNamesThatAreNotText() {
        let file = archive { $0.entries[1].name = [0xFF] }
        #expect(message(reading: file) == "the zip archive has an entry whose name is not UTF-8")
    }

    @Test func refusesLocalHeadersThatDisagree() {
        let file = archive { $0.entries[1].localName = Array("a/data/1".utf8) }
        #expect(message(reading: file) == "\"a/data/0\" is not what the directory of the zip archive says")
    }

    @Test func refusesEncryptionAndUnknownMethods() {
        #expect(message(reading: archive { $0.entries[1].flags = 1 }) == "\"a/data/0\" is encrypted")
        #expect(
            message(reading: archive { $0.entries[1].method = 12 })
                == "\"a/data/0\" is compressed by method 12, only deflate is read")
        #expect(
            message(reading: archive { $0.entries[1].byteCount = 5 })
                == "\"a/data/0\" is stored with two different sizes")
    }

    @Test func refusesDamagedContents() {
        let file = archive { $0.entries[0].crc32 ^= 1 }
        #expect(message(reading: file) == "\"a/data.pkl\" does not match its checksum: the file is damaged")
    }

    /// `torch.serialization.set_crc32_options(False)` writes zeros for all checksums.
    @Test func readsArchivesThatWereWrittenWithoutChecksums() throws {
        let file = archive { for index in $0.entries.indices { $0.entries[index].crc32 = 0 } }
        #expect(message(reading: file) == nil)
    }

    @Test func refusesPolyglots() {
        let text =
            "the zip archive does not end where the file does: something was appended, such as a comment, or its end is cut off"
        #expect(message(reading: archive { _ in } + [0]) == text)
        #expect(message(reading: archive { $0.comment = [1, 2, 3] }) == text)
        #expect(message(reading: Array(archive { _ in }.dropLast())) == text)
        let prefix = ZipBuilder([("z", [])]).bytes.prefix(31)
        #expect(message(reading: prefix + archive { _ in }) == "the directory of the zip archive is damaged")
    }

    @Test func refusesContentsBeforeTheFirstEntry() {
        // The file begins with an entry that the directory does not have.
        let file = archive {
            $0.entries.insert(ZipBuilder.Entry("hidden", [1, 2, 3]), at: 0)
            $0.entries[0].isListed = false
        }
        #expect(message(reading: file) == "the zip archive does not begin where the file does")
    }

    @Test func inflatesDeflatedPickles() throws {
        let file = archive {
            // A stored block: final, 4 bytes, their complement, contents.
            $0.entries[0].contents = [1, 4, 0, 0xFB, 0xFF] + nothing
            $0.entries[0].method = 8
        }
        #expect(message(reading: file) == nil)
    }

    @Test func inflatedStoragesAreNoPartOfTheFile() throws {
        var builder = ZipBuilder([
            ("a/data.pkl", Pickle.tensor("0", count: 1, shape: [1], strides: [1]) + Pickle.stop),
            ("a/data/0", [0, 0, 0x80, 0x3F]),
        ])
        builder.entries[1].contents = [1, 4, 0, 0xFB, 0xFF, 0, 0, 0x80, 0x3F]
        builder.entries[1].method = 8
        let file = try read(builder.bytes)
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.scalars(as: Float.self) == [1])
        #expect(file.storages.isEmpty)
    }

    @Test func refusesZipBombs() {
        let bomb = archive {
            $0.entries[0].method = 8
            $0.entries[0].byteCount = 3_000_000_000
        }
        #expect(
            message(reading: bomb)
                == "\"a/data.pkl\" would inflate to 3000000000 bytes; at most 33554432 are allowed")
        // A size that so few bytes cannot inflate to is seen before anything is allocated.
        let liar = archive {
            $0.entries[0].method = 8
            $0.entries[0].byteCount = 30_000_000
        }
        #expect(message(reading: liar) == "\"a/data.pkl\" does not inflate: it is damaged")
        // More than it says.
        let more = archive {
            $0.entries[0].contents = [1, 4, 0, 0xFB, 0xFF] + nothing
            $0.entries[0].method = 8
            $0.entries[0].byteCount = 3
        }
        #expect(message(reading: more) == "\"a/data.pkl\" does not inflate: it is damaged")
    }

    @Test func refusesSeveralPicklesAndOtherByteOrders() {
        #expect(
            message(
                reading: archive {
                    $0.entries[1].name = Array("b/data.pkl".utf8)
                    $0.entries[1].localName = nil
                })
                == "the archive has several data.pkl: \"a/data.pkl\", \"b/data.pkl\"")
        let big = ZipBuilder([("a/data.pkl", nothing), ("a/byteorder", Array("middle".utf8))])
        #expect(
            message(reading: big.bytes) == "tensors are stored in byte order \"middle\", which is not known")
        let newer = ZipBuilder([("a/data.pkl", nothing), ("a/version", Array("11\n".utf8))])
        #expect(message(reading: newer.bytes) == "PyTorch file of version \"11\", which is not known")
    }
}
