import Checkpoints
import Testing

struct CheckpointObjectTests {
    private func net(_ label: Int?, _ value: Checkpoint) -> Checkpoint {
        let form = ObjectForm(
            name: QualifiedName(module: "lib", name: "Net")!, construction: .new, label: label)
        return .object(CheckpointObject(form, parts: [(.state, value)]))
    }

    @Test func partsThatAreNotDirectHaveNamesOfTheirOwn() throws {
        let form = ObjectForm(name: QualifiedName(module: "lib", name: "D")!, construction: .new)
        let object = Checkpoint.object(
            CheckpointObject(
                form,
                parts: [
                    (.arguments, .tuple([.integer(1)])), (.items, .list([.integer(2)])),
                    (.state, .list([.integer(3)])),
                ]))
        let structure = try object.disassembled().structure
        #expect(structure.leafPaths.map(\.text) == ["__args__/0", "0", "__state__/0"])
        #expect(try Structure(json: structure.json) == structure)
    }

    @Test func partsAreInOneOrder() {
        #expect(throws: StructureError.self) {
            try Structure(json: #"{"object":["a:b","new",null,["state","value"],["items",{"list":[]}]]}"#)
        }
        #expect(throws: StructureError.self) {
            try Structure(json: #"{"object":["a:b","new",null,["state","value"],["state","value"]]}"#)
        }
        for json in [#"{"object":["ab","new",null]}"#, #"{"object":["a:b","old",null]}"#, #"{"reference":-1}"#]
        {
            #expect(throws: StructureError.self) { try Structure(json: json) }
        }
    }

    /// A partial load keeps a reference to what it keeps, and no other.
    @Test func referencesGoWithTheirObject() throws {
        let both = Checkpoint.list([net(0, .list([.integer(1)])), .list([.reference(0), .integer(2)])])
        let (structure, leaves) = try both.disassembled()
        let withoutObject = try structure.assembled(from: [nil, leaves[1]])?.disassembled().structure.json
        #expect(withoutObject == #"{"list":[{"list":["value"]}]}"#)
        let withoutOther = try structure.assembled(from: [leaves[0], nil])?.disassembled().structure.json
        #expect(withoutOther == #"{"list":[{"object":["lib:Net","new",0,["state",{"list":["value"]}]]}]}"#)
    }

    @Test(arguments: [
        "18446744073709551615", "-18446744073709551616", "9223372036854775808", "-9223372036854775809",
        "340282366920938463463374607431768211456",
    ])
    func bigIntegersKeepTheirDigits(digits: String) throws {
        let number = try #require(BigInteger(decimal: digits))
        #expect(number.description == digits)
        #expect(BigInteger(bytes: number.bytes) == number)
        #expect(BigInteger(bytes: number.bytes + [digits.hasPrefix("-") ? 0xFF : 0]) == number)
    }

    @Test func smallIntegersAreNotBig() {
        for digits in ["0", "-1", "9223372036854775807", "-9223372036854775808", "", "-", "1a"] {
            #expect(BigInteger(decimal: digits) == nil)
        }
    }

    @Test func namesAreThoseThatPicklesCanSpell() {
        #expect(QualifiedName(module: "a.b", name: "C.d")?.description == "a.b.C.d")
        #expect(QualifiedName(module: "builtins", name: "set")?.description == "set")
        for (module, name) in [("", "a"), ("a", ""), ("a:b", "c"), ("a", "b\nc"), ("a\0", "b")] {
            #expect(QualifiedName(module: module, name: name) == nil)
        }
    }
}
