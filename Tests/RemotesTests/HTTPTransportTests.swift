import Glibc
import Remotes
import Synchronization
import Testing

/// libcurl behind its shim, against a server that misbehaves.
struct HTTPTransportTests {
    /// The head and the body of an answer.
    private func send(
        _ method: HTTPRequest.Method, _ server: FaultServer, path: String = "/a", body: [UInt8]? = nil,
        headers: [(name: String, value: String)] = [], transport: HTTPTransport? = nil
    ) throws -> (head: HTTPHead, body: [UInt8]) {
        let address = try #require(WebAddress("http://127.0.0.1:\(server.port)\(path)"))
        let request = HTTPRequest(method: method, address: address, headers: headers, body: body)
        var received: [UInt8] = []
        let head = try (transport ?? HTTPTransport()).send(request) { _, bytes in
            received += bytes
            return true
        }
        return (head, received)
    }

    @Test func requestsArriveAsTheyAre() throws {
        let server = try FaultServer {
            .answer(201, ["X-One": " 1 ", "Location": "/next"], "said \($0.body.count)")
        }
        defer { server.stop() }
        let bytes = [UInt8](repeating: 7, count: 3_000_000)
        let answer = try send(
            .put, server, path: "/a/../b?c=%2F", body: bytes,
            headers: [("Content-Type", "x/y"), ("Range", "b")])
        #expect(answer.head.status == 201)
        #expect(answer.head["x-one"] == "1")
        #expect(answer.head["location"] == "/next")
        #expect(String(decoding: answer.body, as: UTF8.self) == "said 3000000")
        let request = try #require(server.requests.first)
        #expect(request.line == "PUT /a/../b?c=%2F")
        #expect(request.body == bytes)
        #expect(request.headers["content-length"] == "3000000")
        #expect(request.headers["content-type"] == "x/y")
        #expect(request.headers["range"] == "b")
        #expect(request.headers["accept-encoding"] == "identity")
        #expect(request.headers["user-agent"] == "modelreg")
        #expect(request.headers["expect"] == nil)
        #expect(request.headers["transfer-encoding"] == nil)
    }

    @Test func eachMethodIsSent() throws {
        let server = try FaultServer { _ in .answer(200, [:], "body") }
        defer { server.stop() }
        let transport = try HTTPTransport()
        for method in [HTTPRequest.Method.get, .head, .delete] {
            let answer = try send(method, server, transport: transport)
            #expect(answer.head.contentLength == 4)
            #expect(answer.body.count == (method == .head ? 0 : 4))
        }
        _ = try send(.post, server, body: [], transport: transport)
        #expect(server.lines == ["GET /a", "HEAD /a", "DELETE /a", "POST /a"])
        #expect(server.requests.map { $0.headers["content-length"] } == [nil, nil, nil, "0"])
        #expect(server.connectionCount == 1)
    }

    @Test func progressIsToldUpToTheLastByte() throws {
        let server = try FaultServer { _ in .answer(201) }
        defer { server.stop() }
        let address = try #require(WebAddress("http://127.0.0.1:\(server.port)/"))
        let request = HTTPRequest(
            method: .put, address: address, body: [UInt8](repeating: 1, count: 5_000_000))
        var counts: [Int] = []
        _ = try HTTPTransport().send(request, sent: { counts.append($0) }, body: { _, _ in true })
        #expect(counts.last == 5_000_000)
        #expect(counts == counts.sorted())
    }

    /// A redirect is the caller's to follow, who knows what may be sent where.
    @Test func redirectsAreNotFollowed() throws {
        let server = try FaultServer { _ in .answer(307, ["Location": "/b"]) }
        defer { server.stop() }
        let answer = try send(.get, server)
        #expect(answer.head.status == 307)
        #expect(server.lines == ["GET /a"])
    }

    @Test func errorsOfTheBodyAreThrownAsTheyAre() throws {
        struct Full: Error {}
        let server = try FaultServer { _ in .bytes(200, [:], [UInt8](repeating: 0, count: 1 << 20)) }
        defer { server.stop() }
        let address = try #require(WebAddress("http://127.0.0.1:\(server.port)/"))
        let transport = try HTTPTransport()
        #expect(throws: Full.self) {
            try transport.send(HTTPRequest(method: .get, address: address)) { _, _ in throw Full() }
        }
        var count = 0
        let head = try transport.send(HTTPRequest(method: .get, address: address)) { _, bytes in
            count += bytes.count
            return false
        }
        #expect(head.status == 200)
        #expect(count < 1 << 20)
    }

    @Test func brokenAnswersAreCuts() throws {
        let replies: [FaultServer.Reply] = [
            .cut, .raw([]), .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".utf8)),
            .raw(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsh".utf8)),
        ]
        for reply in replies {
            let server = try FaultServer { _ in reply }
            defer { server.stop() }
            let error = #expect(throws: HTTPFailure.self) { try send(.get, server) }
            guard case .cut? = error else {
                Issue.record("\(reply): \(String(describing: error))")
                return
            }
        }
    }

    @Test func nobodyListeningIsACut() throws {
        let server = try FaultServer { _ in .cut }
        server.stop()
        let error = #expect(throws: HTTPFailure.self) { try send(.get, server) }
        guard case .cut? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// Debian's registry says of a 416 that its body is as long as the blob, and closes.
    @Test func theStatusOfAnErrorCountsEvenWhereItsBodyIsShort() throws {
        let server = try FaultServer { _ in
            .raw(Array("HTTP/1.1 416 No\r\nContent-Length: 900\r\n\r\nshort".utf8))
        }
        defer { server.stop() }
        let answer = try send(.get, server)
        #expect(answer.head.status == 416)
    }

    @Test(arguments: ["X: y\r\n", "X"])
    func headsHaveAnEnd(line: String) throws {
        let part = Array("HTTP/1.1 200 OK\r\n".utf8)
        let long = part + Array(String(repeating: line, count: 1 << 20).utf8)
        let server = try FaultServer { _ in .stall(long) }
        defer { server.stop() }
        #expect(throws: HTTPFailure.endlessHead) { try send(.get, server) }
    }

    /// The shim waits by the clock, and the test only for the shim.
    @Test func aBodyThatComesTooSlowlyIsACut() throws {
        var patience = HTTPTransport.Patience()
        patience.stallSeconds = 1
        let transport = try HTTPTransport(patience: patience)
        let server = try FaultServer { _ in .stall(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsh".utf8))
        }
        defer { server.stop() }
        let error = #expect(throws: HTTPFailure.self) { try send(.get, server, transport: transport) }
        guard case .cut? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// `printf hello | gzip -n`, from a server that does not listen to what was asked for.
    @Test func compressedAnswersAreReadAllTheSame() throws {
        let compressed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07,
            0x00,
            0x86, 0xA6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
        ]
        let server = try FaultServer { _ in .bytes(200, ["Content-Encoding": "gzip"], compressed) }
        defer { server.stop() }
        let answer = try send(.get, server)
        #expect(answer.body == Array("hello".utf8))
        #expect(answer.head.isEncoded)
        #expect(answer.head.contentLength == nil)
    }

    @Test func addressesThatAreNotHTTPAreNotTried() throws {
        let address = try #require(WebAddress("https://127.0.0.1:1/"))
        #expect(throws: HTTPFailure.self) {
            try HTTPTransport().send(HTTPRequest(method: .get, address: address)) { _, _ in true }
        }
    }

    @Test func aMissingLibraryIsNamed() {
        let text = "\(HTTPTransport.missing("libcurl.so.4: cannot open shared object file"))"
        #expect(
            text
                == "registries and buckets need libcurl; install it (Debian, Ubuntu: apt-get install libcurl4): libcurl.so.4: cannot open shared object file"
        )
    }
}
