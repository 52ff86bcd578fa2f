import Foundation
import Glibc

/// A TCP connection to this machine that sends what it is told to, and nothing else: no library would send it.
final class RawConnection {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// - Returns: Whether all could be sent: the other side may have gone.
    @discardableResult
    func send(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// All that comes until the other side ends the connection.
    func receiveAll() -> [UInt8] {
        var all: [UInt8] = []
        while let part = receive() { all += part }
        return all
    }

    /// What comes next; `nil` at the end.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}

/// An answer as it came.
struct RawAnswer {
    let head: String
    let body: [UInt8]

    init(_ bytes: [UInt8]) {
        let end = bytes.indices.first { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) } ?? bytes.endIndex
        head = String(decoding: bytes[..<end], as: UTF8.self)
        body = Array(bytes.dropFirst(end + 4))
    }

    var status: Int { head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
}

/// `modelreg serve` on a free port, until its last reference goes.
final class ServedRegistry {
    let workspace: Workspace
    let port: Int
    let address: String
    private let running: Workspace.Running

    init(_ workspace: Workspace, _ options: String = "") throws {
        self.workspace = workspace
        running = try workspace.start("exec modelreg serve --port 0 \(options)")
        let (process, output) = (running, running.output)
        try process.wait { try String(contentsOf: output, encoding: .utf8).hasSuffix("\n") }
        address = try String(contentsOf: output, encoding: .utf8).trimmingCharacters(in: .newlines)
        port = Int(address.split(separator: "/")[1].split(separator: ":").last ?? "") ?? 0
    }

    deinit {
        running.process.terminate()
        running.process.waitUntilExit()
    }

    var isAlive: Bool { running.process.isRunning }

    /// The answer to bytes on a connection of their own.
    func answer(_ request: String) throws -> RawAnswer {
        let connection = try RawConnection(port: port)
        connection.send(request)
        return RawAnswer(connection.receiveAll())
    }

    /// The answer to a request that nothing is wrong with.
    func get(_ target: String, _ headers: String = "", method: String = "GET") throws -> RawAnswer {
        try answer(
            "\(method) \(target) HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n\(headers)\r\n")
    }
}
