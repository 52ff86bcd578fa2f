/// What some pages of a SQLite file tell about the others: what each is, and the page that names it.
///
/// It says twice what the pages themselves say, so that a page can be found whose parent is damaged.
struct PointerMap {
    /// What a page is.
    enum Use: UInt8 {
        case root = 1
        case free = 2
        /// The first page of what a cell is too long for; the parent is the cell's page.
        case firstOverflow = 3
        /// A later one; the parent is the one before it.
        case overflow = 4
        /// A page of a tree that is not its root.
        case tree = 5
    }

    private var uses: [UInt8] = []
    private var parents: [UInt32] = []
    /// The page that names a page as the one before it.
    private var successors: [Int: Int] = [:]

    /// Reads the map of a file; an empty one where it has none.
    init(_ file: PageFile) {
        guard file.layout.hasPointerMap, file.pageCount > 2 else { return }
        uses = Array(repeating: 0, count: file.pageCount + 1)
        parents = Array(repeating: 0, count: file.pageCount + 1)
        let entryCount = file.usableByteCount / PointerMap.entryByteCount
        var mapPage = 2
        while mapPage <= file.pageCount {
            let place = mapPage == PointerMap.lockPage(file) ? mapPage + 1 : mapPage
            if let bytes = file.page(place) {
                let numbers = BigEndianBytes(bytes)
                for index in 0..<entryCount where place + 1 + index <= file.pageCount {
                    let page = place + 1 + index
                    uses[page] = bytes[index * PointerMap.entryByteCount]
                    let parent = numbers.integer32(at: index * PointerMap.entryByteCount + 1)
                    parents[page] = UInt32(parent)
                    if use(page) == .overflow { successors[parent] = page }
                }
            }
            uses[min(place, file.pageCount)] = 0
            mapPages.insert(place)
            mapPage += entryCount + 1
        }
    }

    /// The pages that hold the map.
    private(set) var mapPages: Set<Int> = []

    private static let entryByteCount = 5

    /// The page that holds SQLite's locks and nothing else.
    static func lockPage(_ file: PageFile) -> Int { (1 << 30) / file.layout.pageByteCount + 1 }

    /// What a page is; `nil` where the map does not tell.
    func use(_ page: Int) -> Use? { uses.indices.contains(page) ? Use(rawValue: uses[page]) : nil }

    /// The page that names `page`; `nil` where the map does not tell.
    func parent(of page: Int) -> Int? {
        guard let use = use(page), use != .root, use != .free else { return nil }
        return Int(parents[page])
    }

    /// The overflow page after `page`; `nil` where the map does not tell.
    func successor(of page: Int) -> Int? { successors[page] }

    /// Whether `next` may be the overflow page after `page`.
    func isPlausible(_ next: Int, after page: Int, use expected: Use) -> Bool {
        guard !uses.isEmpty else { return true }
        return use(next) == expected && parent(of: next) == page
    }
}
