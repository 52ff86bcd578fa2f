import Synchronization

/// What callers hold by number: a number that was never given out, or is no longer good, is an error and never a fault.
enum Handles {
    private struct Table {
        var next: UInt64 = 1
        var objects: [UInt64: any AnyObject & Sendable] = [:]
    }

    private static let table = Mutex(Table())

    /// Keeps `object`, and gives it a number that nothing else has or had.
    static func insert(_ object: any AnyObject & Sendable) -> UInt64 {
        table.withLock { table in
            defer { table.next += 1 }
            table.objects[table.next] = object
            return table.next
        }
    }

    /// The object of a number.
    ///
    /// - Throws: ``Refusal`` where there is none, or it is something else.
    static func find<Object: AnyObject & Sendable>(
        _ handle: UInt64, as type: Object.Type, called name: StaticString
    ) throws -> Object {
        guard let object = table.withLock({ $0.objects[handle] }) as? Object else {
            throw Refusal("\(handle) is no open \(name)")
        }
        return object
    }

    /// Forgets the object of a number.
    ///
    /// - Throws: ``Refusal`` where there is none, or it is something else.
    @discardableResult
    static func remove<Object: AnyObject & Sendable>(
        _ handle: UInt64, as type: Object.Type, called name: StaticString
    ) throws -> Object {
        let object = table.withLock { table -> Object? in
            guard let object = table.objects[handle] as? Object else { return nil }
            table.objects[handle] = nil
            return object
        }
        guard let object else { throw Refusal("\(handle) is no open \(name)") }
        return object
    }
}
