import Foundations
import Glibc
import Synchronization

/// An HTTP server on loopback that answers as its script says, also wrongly.
final class FaultServer: Sendable {
    /// What came.
    struct Request: Sendable {
        let method: String
        /// Path and query.
        let target: String
        /// Names in lower case.
        let headers: [String: String]
        let body: [UInt8]

        var line: String { "\(method) \(target)" }
    }

    /// What goes back.
    enum Reply: Sendable {
        /// A proper answer, with its Content-Length unless `headers` has one.
        case answer(Int, [String: String] = [:], String = "")
        case bytes(Int, [String: String] = [:], [UInt8])
        /// These bytes; then the connection ends.
        case raw([UInt8])
        /// These bytes; then nothing, until the other side closes.
        case stall([UInt8])
        /// These bytes, without an end.
        case endless([UInt8])
        /// The connection breaks.
        case cut
    }

    /// Why it does not listen.
    struct NoServer: Error { let code: Int32 }

    let port: Int
    private let listener: Int32
    private let script: @Sendable (Request) -> Reply
    private let cutsBody: @Sendable (Request) -> Int?
    private let state = Mutex(State())

    private struct State {
        var requests: [Request] = []
        var connections: Set<Int32> = []
        var connectionCount = 0
        var threads: [BackgroundThread] = []
        var isOver = false
    }

    /// Listens.
    ///
    /// - Parameters:
    ///   - cutsBody: For a request without its body: after how many bytes of that to break the connection, if at all.
    init(
        cutsBody: @escaping @Sendable (Request) -> Int? = { _ in nil },
        _ script: @escaping @Sendable (Request) -> Reply
    ) throws {
        self.script = script
        self.cutsBody = cutsBody
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, byteCount) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, $0, &byteCount) == 0
            }
        }
        guard isBound else { throw NoServer(code: errno) }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = try BackgroundThread { [unowned self] in accept() }
        state.withLock { $0.threads.append(thread) }
    }

    /// All requests so far.
    var requests: [Request] { state.withLock { $0.requests } }
    /// Method and target of each.
    var lines: [String] { requests.map(\.line) }
    var connectionCount: Int { state.withLock { $0.connectionCount } }

    /// Ends all connections and waits for the threads. To be called before the last reference goes.
    func stop() {
        let connections = state.withLock { state in
            state.isOver = true
            return state.connections
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
        while let thread = state.withLock({ $0.threads.popLast() }) { thread.join() }
        close(listener)
    }

    // MARK: Connections

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            let thread = try? BackgroundThread { [unowned self] in
                serve(connection)
                state.withLock { _ = $0.connections.remove(connection) }
                close(connection)
            }
            let isOver = state.withLock { state in
                state.connections.insert(connection)
                state.connectionCount += 1
                if let thread { state.threads.append(thread) }
                return state.isOver
            }
            if isOver { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ connection: Int32) {
        var buffer: [UInt8] = []
        while let request = receive(connection, &buffer) {
            state.withLock { $0.requests.append(request) }
            switch script(request) {
            case .answer(let status, let headers, let body):
                answer(connection, request, status, headers, Array(body.utf8))
            case .bytes(let status, let headers, let body): answer(connection, request, status, headers, body)
            case .raw(let bytes):
                send(connection, bytes)
                return
            case .stall(let bytes):
                send(connection, bytes)
                var byte: UInt8 = 0
                while read(connection, &byte, 1) > 0 {}
                return
            case .endless(let bytes):
                while send(connection, bytes) {}
                return
            case .cut:
                reset(connection)
                return
            }
        }
    }

    private func answer(
        _ connection: Int32, _ request: Request, _ status: Int, _ headers: [String: String], _ body: [UInt8]
    ) {
        var text = "HTTP/1.1 \(status) Said\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if headers["Content-Length"] == nil { text += "Content-Length: \(body.count)\r\n" }
        text += "\r\n"
        send(connection, Array(text.utf8) + (request.method == "HEAD" ? [] : body))
    }

    /// Has the other side see a broken connection, and not a closed one.
    private func reset(_ connection: Int32) {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        shutdown(connection, Int32(SHUT_RDWR))
    }

    @discardableResult
    private func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.send(
                    connection, bytes.baseAddress.map { $0 + position }, bytes.count - position,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            position += count
        }
        return true
    }

    private func receive(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
        func more() -> Bool {
            var part = [UInt8](repeating: 0, count: 65536)
            let count = read(connection, &part, part.count)
            if count > 0 { buffer += part[..<count] }
            return count > 0
        }
        let end = Array("\r\n\r\n".utf8)
        var headEnd = 0
        while true {
            if let found = buffer.indices.first(where: { buffer[$0...].starts(with: end) }) {
                headEnd = found
                break
            }
            guard more() else { return nil }
        }
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }
            headers[name.lowercased()] = String(line.dropFirst(name.count + 1).drop { $0 == " " })
        }
        buffer.removeFirst(headEnd + end.count)
        let bodyCount = headers["content-length"].flatMap { Int($0) } ?? 0
        let head = Request(method: String(words[0]), target: String(words[1]), headers: headers, body: [])
        if let limit = cutsBody(head) {
            while buffer.count < limit, more() {}
            state.withLock { $0.requests.append(head) }
            reset(connection)
            return nil
        }
        while buffer.count < bodyCount { guard more() else { return nil } }
        defer { buffer.removeFirst(bodyCount) }
        return Request(
            method: head.method, target: head.target, headers: headers, body: Array(buffer[..<bodyCount]))
    }
}
