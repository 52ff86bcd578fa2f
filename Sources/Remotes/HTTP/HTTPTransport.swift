import CHTTP
import Foundation
import Foundations

/// A request, as it is sent.
package struct HTTPRequest {
    /// What to do with what is at the address.
    package enum Method: String {
        case get = "GET"
        case head = "HEAD"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    package var method: Method
    package var address: WebAddress
    /// Values hold no line ends.
    package var headers: [(name: String, value: String)]
    /// Sent with its length; `nil` for no body and no length.
    package var body: BlobBytes?

    package init(
        method: Method, address: WebAddress, headers: [(name: String, value: String)] = [],
        body: BlobBytes? = nil
    ) {
        self.method = method
        self.address = address
        self.headers = headers
        self.body = body
    }

    package init(
        method: Method, address: WebAddress, headers: [(name: String, value: String)] = [], body: [UInt8]?
    ) {
        self.init(method: method, address: address, headers: headers, body: body.map { BlobBytes($0) })
    }
}

/// Why there is no answer.
package enum HTTPFailure: Error, Hashable {
    /// No connection, or one that ended early or was too slow. Another try may succeed.
    case cut(String)
    /// A head without an end.
    case endlessHead
    /// Nothing that another try would change: an unknown certificate, for example.
    case failed(String)
}

/// Sends single requests by libcurl, over connections that are kept for the next: no redirects, no credentials, no second
/// tries.
package final class HTTPTransport: Sendable {
    /// How long to wait.
    package struct Patience: Sendable {
        package var connectSeconds = 30.0
        /// A request that moves fewer bytes a second than this, in both directions together, for `stallSeconds` is given up.
        package var leastBytesPerSecond = 1024
        package var stallSeconds = 90

        package init() {}
    }

    private final class Client {
        let handle: OpaquePointer?
        init() { handle = mr_http_make() }
        deinit { mr_http_free(handle) }
    }

    private let patience: Patience
    private let clients = WorkerPool { Client() }
    private let certificateFile: String?
    private let certificateFolder: String?

    /// Opens libcurl, where nobody has yet.
    ///
    /// - Throws: ``RemoteError/noTransport(problem:)``.
    package init(patience: Patience = Patience()) throws(RemoteError) {
        if let problem = mr_http_open() { throw HTTPTransport.missing(String(cString: problem)) }
        self.patience = patience
        let environment = ProcessInfo.processInfo.environment
        certificateFile = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        certificateFolder = environment["SSL_CERT_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What to tell where libcurl cannot be opened, for the reason that the system gives.
    package static func missing(_ reason: String) -> RemoteError {
        .noTransport(
            problem:
                "registries and buckets need libcurl; install it (Debian, Ubuntu: apt-get install libcurl4): \(reason)"
        )
    }

    /// Sends a request and waits for the answer.
    ///
    /// - Parameters:
    ///   - sent: Gets how many bytes of the body are sent so far.
    ///   - body: Gets the answer's head and the next bytes of its body, without any encoding; what it throws ends the
    ///     request, and so does `false`, but as if the answer ended there.
    /// - Returns: The head. An answer with a status of 400 or more may have ended early.
    /// - Throws: ``HTTPFailure``, or what `body` throws.
    package func send(
        _ request: HTTPRequest, sent: (Int) -> Void = { _ in },
        body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> HTTPHead {
        try withoutActuallyEscaping(sent) { sent in
            try withoutActuallyEscaping(body) { body in
                let exchange = Exchange(sent: sent, body: body)
                let (end, problem) = try clients.withWorker { client in
                    guard let handle = client.handle else { throw HTTPFailure.failed("out of memory") }
                    return perform(request, exchange, handle)
                }
                if let error = exchange.error { throw error }
                switch end {
                case MR_HTTP_DONE, MR_HTTP_STOPPED: return exchange.head
                case MR_HTTP_CUT where exchange.head.status >= 400: return exchange.head
                case MR_HTTP_CUT: throw HTTPFailure.cut(problem)
                case MR_HTTP_ENDLESS_HEAD: throw HTTPFailure.endlessHead
                default: throw HTTPFailure.failed(problem)
                }
            }
        }
    }

    private func perform(
        _ request: HTTPRequest, _ exchange: Exchange, _ handle: OpaquePointer
    ) -> (mr_http_end, String) {
        func copy(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }
        let headers = request.headers.map { copy("\($0.name): \($0.value)") }
        let (method, url) = (copy(request.method.rawValue), copy(request.address.text))
        let (file, folder) = (certificateFile.flatMap(copy), certificateFolder.flatMap(copy))
        defer { for text in headers + [method, url, file, folder] { free(text) } }
        var observer = mr_http_observer()
        observer.context = Unmanaged.passUnretained(exchange).toOpaque()
        observer.header = {
            Exchange.from($0)?.take(line: UnsafeRawBufferPointer(start: $1, count: $2)) ?? false
        }
        observer.body = { Exchange.from($0)?.take(body: UnsafeRawBufferPointer(start: $1, count: $2)) ?? false }
        observer.sent = { context, count in
            Exchange.from(context)?.sent(Int(clamping: count))
            return true
        }
        let lines = headers.map { UnsafePointer<CChar>($0) }
        return withExtendedLifetime(exchange) {
            lines.withUnsafeBufferPointer { lines in
                (request.body ?? BlobBytes([])).withUnsafeBytes { bytes in
                    var description = mr_http_request()
                    description.method = UnsafePointer(method)
                    description.url = UnsafePointer(url)
                    description.headers = lines.baseAddress
                    description.header_count = lines.count
                    description.has_body = request.body != nil
                    description.body = bytes.baseAddress
                    description.body_count = bytes.count
                    description.connect_timeout_milliseconds = Int(patience.connectSeconds * 1000)
                    description.least_bytes_per_second = patience.leastBytesPerSecond
                    description.patience_seconds = patience.stallSeconds
                    description.avoids_proxies = request.address.origin.isLocal
                    description.certificate_file = UnsafePointer(file)
                    description.certificate_folder = UnsafePointer(folder)
                    var result = mr_http_send(handle, &description, &observer)
                    let problem = withUnsafeBytes(of: &result.problem) { text in
                        String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
                    }
                    return (result.end, problem)
                }
            }
        }
    }
}

/// What comes of a request while it runs.
private final class Exchange {
    var head = HTTPHead()
    var error: (any Error)?
    let sent: (Int) -> Void
    private let body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool

    init(sent: @escaping (Int) -> Void, body: @escaping (HTTPHead, UnsafeRawBufferPointer) throws -> Bool) {
        self.sent = sent
        self.body = body
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    func take(line: UnsafeRawBufferPointer) -> Bool {
        if head.add(line: line) { return true }
        error = HTTPFailure.endlessHead
        return false
    }

    func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            return try body(head, bytes)
        } catch {
            self.error = error
            return false
        }
    }
}
