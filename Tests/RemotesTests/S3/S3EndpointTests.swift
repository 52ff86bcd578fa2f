import Foundation
import Remotes
import TestSupport
import Testing

struct S3EndpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func endpoint(_ own: [String: String], config: String = "") throws -> S3Endpoint {
        try config.write(toFile: folder.file("config"), atomically: true, encoding: .utf8)
        let environment = own.merging(["HOME": folder.path, "AWS_CONFIG_FILE": folder.file("config")]) {
            own, _ in own
        }
        return try S3Endpoint(
            environment: environment, profile: AWSProfile(environment: environment), bucket: "models")
    }

    private func address(_ endpoint: S3Endpoint, _ bucket: String = "models", region: String? = nil) -> String?
    {
        endpoint.address(bucket: bucket, key: "a/b's", region: region ?? endpoint.region)?.text
    }

    @Test func bucketsOfAWSHaveHosts() throws {
        let endpoint = try endpoint([:])
        #expect(address(endpoint) == "https://models.s3.us-east-1.amazonaws.com/a/b%27s")
        #expect(
            address(endpoint, region: "eu-west-1") == "https://models.s3.eu-west-1.amazonaws.com/a/b%27s")
        #expect(
            address(endpoint, region: "cn-north-1") == "https://models.s3.cn-north-1.amazonaws.com.cn/a/b%27s")
        // No certificate is for two names more.
        #expect(
            address(endpoint, "models.example.com")
                == "https://s3.us-east-1.amazonaws.com/models.example.com/a/b%27s")
        #expect(
            endpoint.address(bucket: "models", key: "", query: "list-type=2", region: "us-east-1")?.text
                == "https://models.s3.us-east-1.amazonaws.com/?list-type=2")
    }

    @Test func otherStoresHaveBucketsInThePath() throws {
        let both = try endpoint([
            "AWS_ENDPOINT_URL": "http://other:1", "AWS_ENDPOINT_URL_S3": "http://minio:9000/",
        ])
        #expect(address(both) == "http://minio:9000/models/a/b%27s")
        #expect(
            try address(endpoint(["AWS_ENDPOINT_URL": "https://h/base/"])) == "https://h/base/models/a/b%27s")
        #expect(
            try address(endpoint([:], config: "[default]\nendpoint_url = http://h:1\n"))
                == "http://h:1/models/a/b%27s")
    }

    @Test func regionsAreThoseOfTheEnvironment() throws {
        let config = "[default]\nregion = eu-west-1\n[profile other]\nregion=eu-west-2 # London\n"
        #expect(try endpoint([:]).region == "us-east-1")
        #expect(try endpoint([:], config: config).region == "eu-west-1")
        #expect(try endpoint(["AWS_PROFILE": "other"], config: config).region == "eu-west-2")
        #expect(try endpoint(["AWS_DEFAULT_REGION": "eu-west-3"], config: config).region == "eu-west-3")
        #expect(
            try endpoint(["AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "x"], config: config).region
                == "eu-north-1")
    }

    @Test(arguments: [
        ["AWS_REGION": "evil.example.com/"], ["AWS_REGION": "EU"], ["AWS_ENDPOINT_URL": "minio:9000"],
        ["AWS_ENDPOINT_URL_S3": "http://ann:s3cret@h/"], ["AWS_ENDPOINT_URL_S3": "https://h/?s3cret"],
        ["AWS_ENDPOINT_URL_S3": "file:///s3cret"],
    ])
    func othersAreRefused(environment: [String: String]) throws {
        let error = #expect(throws: RemoteError.self) { try endpoint(environment) }
        #expect(error.map { !"\($0)".contains("s3cret") } == true)
    }
}
