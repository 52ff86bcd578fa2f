import Foundation
import Remotes
import Synchronization
import TestSupport
import Testing

struct UsualAWSKeysTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func find(
        _ own: [String: String] = [:], credentials: String? = nil,
        config: @autoclosure () throws -> String? = nil, metadata: FoundAWSKey? = nil
    ) throws -> FoundAWSKey {
        try write(credentials, "credentials")
        return try Programs.alone {
            try write(config(), "config")
            return UsualAWSKeys(environment: environment(own), metadata: { metadata }).key(otherThan: nil)
        }
    }

    private func write(_ text: String?, _ name: String) throws {
        let path = folder.file(".aws/\(name)")
        try FileManager.default.createDirectory(atPath: folder.file(".aws"), withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: path)
        try text?.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func environment(_ own: [String: String]) -> [String: String] {
        own.merging(["HOME": folder.path, "PATH": "/usr/bin:/bin"]) { own, _ in own }
    }

    private static let credentials = """
        # Not this one
        [other]
        aws_access_key_id=OTHER
        aws_secret_access_key = other/se+cret== ; of the team
        [default]
        aws_access_key_id = ID
        aws_secret_access_key = a#b=c
        aws_session_token = token
        region =
        s3 =
          aws_access_key_id = NESTED
        """

    @Test func theEnvironmentComesFirst() throws {
        let pair = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "env", "AWS_PROFILE": "other"]
        let found = try find(pair, credentials: Self.credentials)
        #expect(found.key == AWSKey(id: "ENV", secret: "env"))
        #expect(found.origin == "the key of AWS_ACCESS_KEY_ID")
        let token = pair.merging(["AWS_SESSION_TOKEN": "t"]) { own, _ in own }
        #expect(try find(token).key == AWSKey(id: "ENV", secret: "env", sessionToken: "t"))
        let half = ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": ""]
        #expect(try find(half, credentials: Self.credentials).key?.id == "ID")
        let strange = try find(["AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s3cret\nX: y"])
        #expect(strange.key == nil)
        #expect(!strange.origin.contains("s3cret"))
    }

    @Test func profilesAreRead() throws {
        let found = try find(credentials: Self.credentials)
        #expect(found.key == AWSKey(id: "ID", secret: "a#b=c", sessionToken: "token"))
        #expect(found.origin == "the key of the profile \"default\"")
        let other = try find(["AWS_PROFILE": "other"], credentials: Self.credentials)
        #expect(other.key == AWSKey(id: "OTHER", secret: "other/se+cret=="))
    }

    @Test func theOtherFileIsReadToo() throws {
        let config = """
            [profile  work]\r
            aws_access_key_id = ID\r
            aws_secret_access_key = of-config\r
            [work]
            aws_access_key_id = NOT
            """
        #expect(
            try find(["AWS_PROFILE": "work"], config: config).key == AWSKey(id: "ID", secret: "of-config"))
        let credentials = "[work]\naws_secret_access_key = of-credentials\n"
        #expect(
            try find(["AWS_PROFILE": "work"], credentials: credentials, config: config).key
                == AWSKey(id: "ID", secret: "of-credentials"))
        let moved = ["AWS_SHARED_CREDENTIALS_FILE": folder.file("elsewhere")]
        try Self.credentials.write(toFile: folder.file("elsewhere"), atomically: true, encoding: .utf8)
        #expect(try find(moved).key?.id == "ID")
    }

    @Test func noKeyIsExplained() throws {
        #expect(
            try find()
                == FoundAWSKey(
                    nil,
                    origin:
                        "no key: neither AWS_ACCESS_KEY_ID nor a profile \"default\" with one in \(folder.file(".aws/credentials")) and \(folder.file(".aws/config"))"
                ))
        let absent = try find(
            ["AWS_PROFILE": "absent"], credentials: Self.credentials,
            metadata: FoundAWSKey(AWSKey(id: "M", secret: "m"), origin: "metadata"))
        #expect(absent.key == nil)
        #expect(absent.origin.hasPrefix("no key: there is no profile \"absent\" in "))
        let role = try find(config: "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n")
        #expect(role.key == nil)
        #expect(role.origin.contains("aws configure export-credentials"))
    }

    @Test func theMachineComesLast() throws {
        let metadata = FoundAWSKey(AWSKey(id: "M", secret: "m"), origin: "metadata")
        #expect(try find(metadata: metadata) == metadata)
        #expect(try find(credentials: Self.credentials, metadata: metadata).key?.id == "ID")
    }

    // MARK: Programs

    /// To be called within ``find(_:credentials:config:metadata:)``.
    private func program(_ text: String) throws -> String {
        let path = folder.file("a program")
        try "#!/bin/sh\n\(text)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        return "[default]\ncredential_process = '\(path)' \"x y\" z\n"
    }

    @Test func aProgramIsAsked() throws {
        let script =
            #"printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"t","Expiration":"2099-01-02T03:04:05Z"}' "$1" "$2" | tr -d ' '"#
        let found = try find(config: program(script))
        #expect(
            found.key
                == AWSKey(
                    id: "xy", secret: "z", sessionToken: "t",
                    expires: Date(timeIntervalSince1970: 4_071_006_245)))
        #expect(found.origin == "the key of credential_process of the profile \"default\"")
    }

    @Test(arguments: ["echo s3cret", "echo '{\"AccessKeyId\":\"s3cret\"}'", "exit 1", "echo s3cret; exit 1"])
    func whatAProgramSaysIsNotShown(text: String) throws {
        let found = try find(config: program(text))
        #expect(found.key == nil)
        #expect(found.origin.hasPrefix("no key: credential_process of the profile \"default\""))
        #expect(!found.origin.contains("s3cret"))
    }

    @Test(arguments: ["'open", "no-such-program-at-all", "", " "])
    func programsMustBeThere(command: String) throws {
        #expect(try find(config: "[default]\ncredential_process = \(command)\n").key == nil)
    }

    /// A key that ends soon, or that AWS no longer takes, is looked for anew; others are not.
    @Test func keysAreRenewed() throws {
        let now = Mutex(Date(timeIntervalSince1970: 1000))
        let count = Mutex(0)
        let keys = UsualAWSKeys(
            environment: environment([:]), now: { now.withLock { $0 } },
            metadata: {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                let key = AWSKey(
                    id: "M\(number)", secret: "m",
                    expires: Date(timeIntervalSince1970: 1000 * Double(number + 1)))
                return FoundAWSKey(key, origin: "metadata")
            })
        #expect(keys.key(otherThan: nil).key?.id == "M1")
        now.withLock { $0 = Date(timeIntervalSince1970: 1699) }
        #expect(keys.key(otherThan: nil).key?.id == "M1")
        now.withLock { $0 = Date(timeIntervalSince1970: 1701) }
        let second = keys.key(otherThan: nil).key
        #expect(second?.id == "M2")
        #expect(keys.key(otherThan: AWSKey(id: "M1", secret: "m")).key?.id == "M2")
        #expect(keys.key(otherThan: second).key?.id == "M3")
    }

    // MARK: The machine

    private static let answer =
        #"{"Code":"Success","AccessKeyId":"ID","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-02T03:04:05Z"}"#
    private static let key = AWSKey(
        id: "ID", secret: "s", sessionToken: "t", expires: Date(timeIntervalSince1970: 4_071_006_245))

    @Test func aContainerIsAsked() throws {
        let server = try FaultServer { request in
            request.headers["authorization"] == "of-file" && request.target == "/v1/keys?id=1"
                ? .answer(200, [:], Self.answer) : .answer(403)
        }
        defer { server.stop() }
        try "of-file\n".write(toFile: folder.file("token"), atomically: true, encoding: .utf8)
        let environment = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/v1/keys?id=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": folder.file("token"),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-variable",
        ]
        let found = try AWSMetadata(environment: environment).key()
        #expect(found == FoundAWSKey(Self.key, origin: "the key of AWS_CONTAINER_CREDENTIALS_FULL_URI"))
    }

    @Test(arguments: ["http://example.com/", "ftp://127.0.0.1/", "nowhere"])
    func tokensStayOnTheMachine(address: String) throws {
        let found = try AWSMetadata(environment: [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": address, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "s3cret",
        ]).key()
        #expect(
            found
                == FoundAWSKey(
                    nil, origin: "no key: AWS_CONTAINER_CREDENTIALS_FULL_URI names no address of this machine"))
    }

    @Test func anInstanceIsAsked() throws {
        let folder = "/latest/meta-data/iam/security-credentials/"
        let server = try FaultServer { request in
            if request.line == "PUT /latest/api/token" {
                return request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
                    ? .answer(200, [:], "a-token==") : .answer(400)
            }
            guard request.headers["x-aws-ec2-metadata-token"] == "a-token==" else { return .answer(401) }
            return switch request.line {
            case "GET \(folder)": .answer(200, [:], "a-role\n")
            case "GET \(folder)a-role": .answer(200, [:], Self.answer)
            default: .answer(404)
            }
        }
        defer { server.stop() }
        var environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)"]
        #expect(
            try AWSMetadata(environment: environment).key()
                == FoundAWSKey(Self.key, origin: "the key of this instance's role"))
        let count = server.requests.count
        environment["AWS_EC2_METADATA_DISABLED"] = "true"
        #expect(try AWSMetadata(environment: environment).key() == nil)
        #expect(server.requests.count == count)
    }

    @Test(arguments: ["", "a\nb", "{}"])
    func strangeMachinesHaveNoKey(answer: String) throws {
        let server = try FaultServer { _ in .answer(200, [:], answer) }
        defer { server.stop() }
        let environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)"]
        #expect(try AWSMetadata(environment: environment).key() == nil)
    }
}
