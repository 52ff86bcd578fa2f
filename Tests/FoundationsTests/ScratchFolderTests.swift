import Foundation
import Foundations
import Testing

struct ScratchFolderTests {
    @Test func itGoesWithAllThatIsInIt() throws {
        var folder: ScratchFolder? = try ScratchFolder()
        let path = try #require(folder?.path)
        try FileManager.default.createDirectory(atPath: "\(path)/b", withIntermediateDirectories: false)
        for name in ["b/2", "a", "b/1"] { try Data().write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
        #expect(try folder?.files() == ["a", "b/1", "b/2"])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        folder = nil
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func twoAreApart() throws {
        let (first, second) = (try ScratchFolder(), try ScratchFolder())
        #expect(first.path != second.path)
    }
}
