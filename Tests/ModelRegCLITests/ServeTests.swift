#if Web
import Foundation
import Testing

/// Each rule of docs/pages.md, broken on purpose by bytes that no browser would send.
@Suite struct ServeTests {
    private func served(_ options: String = "") throws -> ServedRegistry {
        let workspace = try Workspace()
        try workspace.succeed("save Examples/data/mlp-step-000.pt mlp -m first --metric accuracy=0.5")
        try workspace.succeed("save Examples/data/mlp-step-100.pt mlp -m second --metric accuracy=0.9")
        return try ServedRegistry(workspace, options)
    }

    @Test func pagesAnswer() throws {
        let server = try served()
        #expect(server.address == "http://127.0.0.1:\(server.port)/")
        let page = try server.get("/")
        #expect(page.status == 200)
        #expect(page.text.contains("1 model with 2 versions"))
        #expect(page.header("content-length") == "\(page.body.count)")
        #expect(page.header("content-type") == "text/html; charset=utf-8")
        #expect(try server.get("/model?name=mlp").text.contains("v2</a> has the highest accuracy"))
        #expect(try server.get("/api/v1/models").text.hasPrefix("[{\"aliases\":[]"))
    }

    @Test func everyAnswerSaysWhatAPageMayDo() throws {
        let server = try served()
        for target in ["/", "/none", "/style.css", "/api/v1/models", "/api/v1/none"] {
            let answer = try server.get(target)
            let policy = try #require(answer.header("content-security-policy"), "\(target)")
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'"), "\(target)")
            #expect(!policy.contains("unsafe"), "\(target)")
            #expect(answer.header("x-content-type-options") == "nosniff", "\(target)")
            #expect(answer.header("referrer-policy") == "no-referrer", "\(target)")
            #expect(answer.header("access-control-allow-origin") == nil, "\(target)")
        }
    }

    /// A stranger's name that points to this machine would let a stranger's page read the answers.
    @Test func onlyRequestsForThisHostAreAnswered() throws {
        let server = try served("--allow-host gpu.example")
        for host in [
            "localhost", "localhost:1", "127.0.0.1:80", "[::1]", "[::1]:7", "LOCALHOST", "gpu.example:9",
        ] {
            #expect(
                try server.answer("GET / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n").status == 200,
                "\(host)")
        }
        for host in [
            "evil.example", "localhost.evil.example", "evil.example:7332", "127.0.0.1.evil.example",
            "localhost:80@evil",
            "gpu.example.evil", "[::1", "[::1]x", "", "0.0.0.0", "127.0.0.2", "localhost\r\nHost: evil.example",
        ] {
            let answer = try server.answer("GET / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            #expect(answer.status == 421 || answer.status == 400, "\(host): \(answer.status)")
            #expect(!answer.text.contains("mlp"), "\(host)")
        }
        #expect(try server.answer("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status == 421)
    }

    @Test func nothingButReadingIsPossible() throws {
        let server = try served()
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
            let answer = try server.get("/", method: method)
            #expect([400, 405].contains(answer.status), "\(method): \(answer.status)")
        }
        #expect(try server.get("/", method: "POST").header("allow") == "GET, HEAD")
        for headers in [
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 99999999999\r\n",
        ] {
            #expect(try server.get("/", headers).status == 413, "\(headers)")
        }
    }

    @Test func headSaysTheSameWithoutABody() throws {
        let server = try served()
        let (page, head) = (try server.get("/"), try server.get("/", method: "HEAD"))
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head.header("content-length") == page.header("content-length"))
        #expect(head.header("etag") == page.header("etag"))
    }

    @Test func whatIsKnownIsNotSentAgain() throws {
        let server = try served()
        let tag = try #require(try server.get("/").header("etag"))
        let again = try server.get("/", "If-None-Match: \(tag)\r\n")
        #expect(again.status == 304 && again.body.isEmpty)
        try server.workspace.succeed("alias set mlp:v1 other")
        #expect(try server.get("/", "If-None-Match: \(tag)\r\n").status == 200)
    }

    @Test func noPathLeadsToAFile() throws {
        let server = try served()
        try server.workspace.write(Data("secret".utf8), to: "style.css")
        for target in [
            "/../style.css", "/..%2fstyle.css", "/%2e%2e/etc/passwd", "/./style.css", "//etc/passwd",
            "/etc/passwd",
            "/style.css/..", "/\\..\\style.css", "/%00", "/style.css%00", "/file:///etc/passwd",
            "/attachment?ref=mlp&name=../../../etc/passwd", "/attachment?ref=mlp&name=%2fetc%2fpasswd",
        ] {
            let answer = try server.get(target)
            #expect(answer.status == 404, "\(target): \(answer.status)")
            #expect(!answer.text.contains("secret") && !answer.text.contains("root:"), "\(target)")
        }
        #expect(try !server.get("/style.css").text.contains("secret"))
    }

    @Test func whatIsNoRequestEndsTheConnection() throws {
        let server = try served()
        for request in [
            "GET /\r\n", "\r\n\r\n\u{0}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n",
            "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let answer = try server.answer(request)
            #expect(answer.status == 0 || answer.status >= 400, "\(request): \(answer.status)")
            #expect(!answer.text.contains("mlp"), "\(request)")
        }
        #expect(try server.get("/").status == 200)
    }

    @Test func headsHaveAnEnd() throws {
        let server = try served()
        for request in [
            "GET /" + String(repeating: "a", count: 1 << 20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\n" + String(repeating: "X: y\r\n", count: 1 << 16) + "\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + String(repeating: "y", count: 1 << 20) + "\r\n\r\n",
        ] {
            #expect(try server.answer(request).status != 200)
        }
        #expect(try server.get("/").status == 200)
    }

    /// Whoever says nothing keeps nobody else out for long: connections are few, and each new one is told so at once.
    @Test func connectionsAreFew() throws {
        let server = try served()
        var idle: [RawConnection] = []
        for _ in 0..<80 { idle.append(try RawConnection(port: server.port)) }
        // The last ones are closed without a word.
        #expect(idle[79].receive() == nil)
        idle = []
        // Connections that have ended count no more.
        var status = 0
        while status != 200, server.isAlive { status = try server.get("/").status }
        #expect(status == 200)
    }

    @Test func requestsMayFollowEachOther() throws {
        let server = try served()
        let one = "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let last = "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        let connection = try RawConnection(port: server.port)
        connection.send(one + one + last)
        let text = String(decoding: connection.receiveAll(), as: UTF8.self)
        #expect(text.matches(of: /HTTP\/1.1 200 OK/).count == 2)
        #expect(text.matches(of: /HTTP\/1.1 404 Not Found/).count == 1)
    }

    // MARK: Tokens

    @Test func otherHostsNeedAToken() throws {
        let server = try served("--host 0.0.0.0")
        let token = try #require(server.address.split(separator: "#token=").last)
        #expect(token.utf8.count == 64)
        for headers in [
            "", "Authorization: Bearer \(token.dropLast())\r\n", "Authorization: Bearer \(token)0\r\n",
            "Authorization: Basic \(token)\r\n", "Cookie: modelreg-token=\r\n",
            "Cookie: modelreg-token=\(token.reversed().map(String.init).joined())x\r\n",
        ] {
            for target in ["/", "/model?name=mlp", "/api/v1/models", "/session", "/script.js", "/none"] {
                let answer = try server.get(target, headers)
                #expect(answer.status == 401, "\(target) \(headers)")
                #expect(!answer.text.contains("mlp"), "\(target)")
            }
        }
        #expect(try server.get("/api/v1/models", "Authorization: Bearer \(token)\r\n").status == 200)
        let session = try server.get("/session", "Authorization: Bearer \(token)\r\n")
        #expect(session.status == 204)
        let cookie = try #require(session.header("set-cookie"))
        #expect(cookie == "modelreg-token=\(token); Path=/; HttpOnly; SameSite=Strict")
        #expect(try server.get("/", "Cookie: other=1; modelreg-token=\(token)\r\n").status == 200)
        // A token in the address would be in histories and logs: it is none.
        #expect(try server.get("/?token=\(token)").status == 401)
    }

    @Test func tokensOfFilesAreChecked() throws {
        let workspace = try Workspace()
        try workspace.succeed("save Examples/data/mlp-step-000.pt mlp")
        for text in ["short", "with spaces is no token", "semicolon;semicolon;", ""] {
            try workspace.write(Data(text.utf8), to: "token")
            #expect(try workspace.modelreg("serve --port 0 --token-file token").status != 0, "\(text)")
        }
        try workspace.write(Data("0123456789abcdef\n".utf8), to: "token")
        let server = try ServedRegistry(workspace, "--token-file token")
        #expect(!server.address.contains("token"))
        #expect(try server.get("/").status == 401)
        #expect(try server.get("/", "Authorization: Bearer 0123456789abcdef\r\n").status == 200)
    }

    // MARK: Files

    @Test func filesComeBackByteForByteAndInParts() throws {
        let server = try served()
        let original = Array(
            try Data(contentsOf: Workspace.repository.appending(path: "Examples/data/mlp-step-100.pt")))
        let whole = try server.get("/api/v1/export?ref=mlp:v2")
        #expect(whole.status == 200 && whole.body == original)
        #expect(whole.header("content-disposition") == "attachment; filename=\"mlp-step-100.pt\"")
        #expect(whole.header("content-type") == "application/octet-stream")
        let tag = try #require(whole.header("etag"))
        let part = try server.get("/api/v1/export?ref=mlp:v2", "Range: bytes=100-199\r\nIf-Range: \(tag)\r\n")
        #expect(part.status == 206 && part.body == Array(original[100...199]))
        #expect(part.header("content-range") == "bytes 100-199/\(original.count)")
        #expect(try server.get("/api/v1/export?ref=mlp:v2", "Range: bytes=-10\r\n").body == original.suffix(10))
        #expect(
            try server.get("/api/v1/export?ref=mlp:v2", "Range: bytes=\(original.count)-\r\n").status == 416)
        #expect(try server.get("/api/v1/export?ref=mlp:v2", "Range: bytes=5-1\r\n").status == 200)
        #expect(
            try server.get("/api/v1/export?ref=mlp:v2", "Range: bytes=1-2\r\nIf-Range: \"other\"\r\n").status
                == 200)
        #expect(try server.get("/api/v1/export?ref=mlp:v2", "If-None-Match: \(tag)\r\n").status == 304)
        let head = try server.get("/api/v1/export?ref=mlp:v2", method: "HEAD")
        #expect(head.body.isEmpty && head.header("content-length") == "\(original.count)")
        for format in ["safetensors", "pt", "npz"] {
            let file = try server.get("/api/v1/export?ref=mlp:v1&format=\(format)")
            #expect(file.status == 200 && file.body.count > 30_000, "\(format)")
        }
        let some = try server.get("/api/v1/export?ref=mlp:v1&format=npy&only=output.bias")
        #expect(some.status == 200 && some.body.count == 128 + 40)
        #expect(try server.get("/api/v1/export?ref=mlp:v1&format=../x").status == 400)
        #expect(try server.get("/api/v1/export?ref=mlp:v1&format=npy&only=none").status == 404)
    }

    // MARK: Starting and ending

    @Test func aPortThatIsTakenIsSaid() throws {
        let server = try served()
        let outcome = try server.workspace.modelreg("serve --port \(server.port)")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("cannot listen at 127.0.0.1:\(server.port)"))
        #expect(try server.workspace.modelreg("serve --port 70000").status == 64)
        #expect(try server.workspace.modelreg("serve --host nobody.invalid --port 0").status == 69)
        #expect(try server.workspace.modelreg("serve --registry none.db").status == 66)
    }
}
#endif
