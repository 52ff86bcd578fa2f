import Checkpoints
import Foundation
import Remotes
import Testing

/// What AWS publishes of its signatures.
struct SignatureV4Tests {
    private static let nothing = ContentID(hashing: [])

    /// RFC 4231, test cases 1, 2 and 6.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func codesAreThoseOfTheRFC(key: [UInt8], message: String, code: String) {
        #expect(HMAC.code(key: key, message.utf8).map { String(format: "%02x", $0) }.joined() == code)
    }

    /// A request of AWS's test suite for signatures ("aws-sig-v4-test-suite"), by its name there.
    struct SuiteCase: Sendable {
        let name: String
        var method = "GET"
        var target = "/"
        var headers: [String: String] = [:]
        var signedHeaders = "host;x-amz-date"
        let signature: String
    }

    private static let unreserved =
        "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    private static let sessionToken =
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

    @Test(arguments: [
        SuiteCase(
            name: "get-vanilla",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        SuiteCase(
            name: "get-vanilla-query-order-key-case", target: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        SuiteCase(
            name: "get-vanilla-query-unreserved", target: "/?\(unreserved)=\(unreserved)",
            signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        SuiteCase(
            name: "get-vanilla-utf8-query", target: "/?\(WebAddress.escaped("\u{1234}"))=bar",
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        SuiteCase(
            name: "get-space", target: "/example%20space/",
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        SuiteCase(
            name: "get-header-value-trim", headers: ["My-Header1": " value1", "My-Header2": " \"a   b   c\""],
            signedHeaders: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        SuiteCase(
            name: "post-vanilla", method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        SuiteCase(
            name: "post-sts-header-before", method: "POST", headers: ["X-Amz-Security-Token": sessionToken],
            signedHeaders: "host;x-amz-date;x-amz-security-token",
            signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    ])
    func theSuiteIsSigned(suite: SuiteCase) throws {
        let key = try #require(AWSKey(id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
        let signed = SignatureV4(key: key, region: "us-east-1", service: "service").authorization(
            method: suite.method, target: suite.target,
            headers: [("X-Amz-Date", "20150830T123600Z"), ("Host", "example.amazonaws.com")]
                + suite.headers.map { ($0.key, $0.value) },
            payload: Self.nothing, timestamp: "20150830T123600Z")
        #expect(
            signed
                == Secret(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=\(suite.signedHeaders), Signature=\(suite.signature)"
                ), "\(suite.name)")
    }

    /// The examples of "Authenticating Requests: Using the Authorization Header" in the Amazon S3 API Reference.
    @Test(
        arguments: [
            (
                "GET", "/test.txt", [("Range", "bytes=0-9")], "",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            ),
            (
                "PUT", "/test%24file.text",
                [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
                "Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
            ),
            ("GET", "/?lifecycle", [], "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            (
                "GET", "/?max-keys=2&prefix=J", [], "",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            ),
        ] as [(String, String, [(String, String)], String, String)])
    func theExamplesOfS3AreSigned(
        method: String, target: String, headers: [(String, String)], body: String, signature: String
    ) throws {
        let key = try #require(
            AWSKey(id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
        let payload = ContentID(hashing: Array(body.utf8))
        let own = [
            ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", payload.hex),
            ("x-amz-date", "20130524T000000Z"),
        ]
        let signed = SignatureV4(key: key, region: "us-east-1").authorization(
            method: method, target: target, headers: headers + own, payload: payload,
            timestamp: SignatureV4.timestamp(Date(timeIntervalSince1970: 1_369_353_600)))
        let names = (headers + own).map { $0.0.lowercased() }.sorted().joined(separator: ";")
        #expect(
            signed
                == Secret(
                    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=\(names), Signature=\(signature)"
                ))
    }

    @Test func timesAreThoseOfGreenwich() {
        #expect(SignatureV4.timestamp(Date(timeIntervalSince1970: 1_440_938_160.9)) == "20150830T123600Z")
        #expect(SignatureV4.timestamp(Date(timeIntervalSince1970: 784_111_777)) == "19941106T084937Z")
    }

    @Test(arguments: [
        ("", "s", ""), ("i", "", ""), ("i\n", "s", ""), ("i", "s\r\nX: y", ""), ("i", "s", "t t"),
    ])
    func whatCannotBeInAHeaderIsNoKey(id: String, secret: String, token: String) {
        #expect(AWSKey(id: id, secret: secret, sessionToken: token) == nil)
    }
}
