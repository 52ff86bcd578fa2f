import Remotes
import Testing

struct ChallengeTests {
    @Test func challengesAreRead() {
        let header =
            #"Bearer realm="https://h/token?a=b,c",service=reg.example.com, scope="repository:a/b:pull,push x:y:z", error="invalid_token""#
        let challenges = Challenge.all(in: header)
        #expect(challenges.map(\.scheme) == ["bearer"])
        #expect(challenges.first?.parameters["realm"] == "https://h/token?a=b,c")
        #expect(challenges.first?.parameters["service"] == "reg.example.com")
        #expect(challenges.first?.parameters["scope"] == "repository:a/b:pull,push x:y:z")
        #expect(challenges.first?.parameters["error"] == "invalid_token")
    }

    @Test func severalChallengesStandInOneHeader() {
        let challenges = Challenge.all(in: #"Basic realm="a \"b\"", BEARER Realm="c", Negotiate"#)
        #expect(challenges.map(\.scheme) == ["basic", "bearer", "negotiate"])
        #expect(challenges.map { $0.parameters["realm"] } == [#"a "b""#, "c", nil])
    }

    @Test(arguments: [
        "", ",,,", "=", #"Bearer realm="#, #"Bearer realm="open"#, #"Bearer realm="a\"#, "\u{0}", "a=b",
    ])
    func othersSayLittle(header: String) {
        #expect(Challenge.all(in: header).allSatisfy { ($0.parameters["realm"] ?? "").isEmpty })
    }
}
