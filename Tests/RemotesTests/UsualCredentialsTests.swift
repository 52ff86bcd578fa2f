import Foundation
import Remotes
import TestSupport
import Testing

struct UsualCredentialsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func find(
        _ registry: String, configuration: String? = nil,
        _ environment: @autoclosure () throws -> [String: String] = [:]
    ) throws -> FoundCredentials {
        if let configuration {
            try configuration.write(toFile: folder.file("config.json"), atomically: true, encoding: .utf8)
        }
        return try Programs.alone {
            let all = try environment().merging(["DOCKER_CONFIG": folder.path]) { own, _ in own }
            return UsualCredentials(environment: all).credentials(for: registry)
        }
    }

    /// `Basic` takes what `printf ann:s3:cret | base64` prints.
    @Test(arguments: ["h:5000", "https://h:5000", "https://h:5000/v1/", "http://h:5000"])
    func dockersConfigurationIsRead(key: String) throws {
        let found = try find(
            "h:5000",
            configuration: #"{"auths":{"other":{"auth":"eA=="},"\#(key)":{"auth":"YW5uOnMzOmNyZXQ="}},"x":[1]}"#
        )
        #expect(found.credentials == .password(user: "ann", Secret("s3:cret")))
        #expect(found.origin == folder.file("config.json"))
    }

    @Test func theConfigurationIsInTheHomeFolder() throws {
        let home = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: home.file(".docker"), withIntermediateDirectories: false)
        try #"{"auths":{"h":{"username":"ann","password":"p"}}}"#.write(
            toFile: home.file(".docker/config.json"), atomically: true, encoding: .utf8)
        let found = UsualCredentials(environment: ["HOME": home.path]).credentials(for: "h")
        #expect(found.credentials == .password(user: "ann", Secret("p")))
    }

    @Test func tokensAreRead() throws {
        let identity = try find("h", configuration: #"{"auths":{"h":{"auth":"","identitytoken":"it"}}}"#)
        #expect(identity.credentials == .identityToken(Secret("it")))
        let registry = try find("h", configuration: #"{"auths":{"h":{"registrytoken":"rt"}}}"#)
        #expect(registry.credentials == .registryToken(Secret("rt")))
    }

    @Test func dockersOwnRegistryHasANameOfItsOwn() throws {
        let found = try find(
            "docker.io", configuration: #"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}"#)
        #expect(found.credentials == .password(user: "a", Secret("b")))
    }

    @Test func theEnvironmentComesFirst() throws {
        let configuration = #"{"auths":{"h":{"auth":"YTpi"}}}"#
        let pair = ["MODELREG_REGISTRY_USER": "ann", "MODELREG_REGISTRY_PASSWORD": "s3cret"]
        #expect(
            try find("h", configuration: configuration, pair).credentials
                == .password(user: "ann", Secret("s3cret")))
        let token = pair.merging(["MODELREG_REGISTRY_TOKEN": "t"]) { own, _ in own }
        #expect(try find("h", configuration: configuration, token).credentials == .registryToken(Secret("t")))
        let half = ["MODELREG_REGISTRY_USER": "ann", "MODELREG_REGISTRY_PASSWORD": ""]
        #expect(
            try find("h", configuration: configuration, half).credentials == .password(user: "a", Secret("b")))
    }

    @Test func theEnvironmentCanBeForOneRegistry() throws {
        let environment = ["MODELREG_REGISTRY_TOKEN": "t", "MODELREG_REGISTRY_HOST": "h:1"]
        #expect(try find("h:1", environment).credentials == .registryToken(Secret("t")))
        #expect(try find("evil.example.com", environment).credentials == nil)
    }

    // MARK: Programs

    /// To be called within ``find(_:configuration:_:)``.
    private func helper(_ name: String, _ script: String) throws -> [String: String] {
        let path = folder.file("docker-credential-\(name)")
        try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return ["PATH": "/nowhere:\(folder.path)"]
    }

    @Test func programsAreAsked() throws {
        let script = #"read -r host; echo "{\"ServerURL\":\"x\",\"Username\":\"$1 $host\",\"Secret\":\"p\"}""#
        let one = try find(
            "h:5000", configuration: #"{"credHelpers":{"h:5000":"test"}}"#, helper("test", script))
        #expect(one.credentials == .password(user: "get h:5000", Secret("p")))
        #expect(one.origin == "docker-credential-test")
        let all = try find(
            "other", configuration: #"{"auths":{"other":{}},"credsStore":"test"}"#, helper("test", script))
        #expect(all.credentials == .password(user: "get other", Secret("p")))
    }

    @Test func programsGiveIdentityTokensToo() throws {
        let script = #"echo '{"Username":"<token>","Secret":"it"}'"#
        let found = try find("h", configuration: #"{"credsStore":"test"}"#, helper("test", script))
        #expect(found.credentials == .identityToken(Secret("it")))
    }

    @Test(arguments: [
        ("echo credentials not found in native keychain; exit 1", "docker-credential-test has none for h"),
        ("echo s3cret", "docker-credential-test printed no JSON: expected an object at byte 0"),
        ("echo '{\"Secret\":\"\"}'", "docker-credential-test gave none for h"),
    ])
    func whatProgramsDoNotSayIsTold(script: String, expected: String) throws {
        let found = try find("h", configuration: #"{"credsStore":"test"}"#, helper("test", script))
        #expect(found.credentials == nil)
        #expect(found.origin == "no credentials: \(expected)")
    }

    @Test func entriesCountWhereTheProgramHasNone() throws {
        let found = try find(
            "h", configuration: #"{"credsStore":"test","auths":{"h":{"auth":"YTpi"}}}"#,
            helper("test", "exit 1"))
        #expect(found.credentials == .password(user: "a", Secret("b")))
    }

    /// A configuration must not run a program that only it knows of.
    @Test func programsArePrograms() throws {
        let found = try find("h", configuration: #"{"credsStore":"../test"}"#, helper("test", "exit 1"))
        #expect(found.origin == "no credentials: there is no program docker-credential-../test")
    }

    // MARK: Nothing there

    @Test func whyThereAreNoneIsSaid() throws {
        let file = folder.file("config.json")
        #expect(
            try find("h:1").origin == "no credentials for h:1 in \(file); use \"docker login h:1\"")
        let broken = try find("h", configuration: #"{"auths":{"h":"#).origin
        #expect(broken == "no credentials: \(file) cannot be read: ends at byte 14, in the middle")
        #expect(
            UsualCredentials(environment: [:]).credentials(for: "h").origin
                == "no credentials: neither DOCKER_CONFIG nor HOME is set")
    }

    @Test func secretsAreNotShown() throws {
        let found = FoundCredentials(.password(user: "ann", Secret("s3cret")), origin: "a test")
        var dumped = ""
        dump(found, to: &dumped)
        for text in ["\(found)", String(reflecting: found), dumped] {
            #expect(!text.contains("s3cret"), "\(text)")
        }
    }
}
