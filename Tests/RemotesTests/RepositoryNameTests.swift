import Remotes
import Testing

struct RepositoryNameTests {
    @Test(arguments: ["mlp", "a/b", "a.b_c__d---e", "0", "llama-3.1/8b"])
    func validNamesStay(name: String) {
        #expect(RepositoryName.isValid(name))
        #expect(RepositoryName.of(model: name) == name)
    }

    @Test(arguments: [
        "", "A", "a..b", "a___b", "a._b", "-a", "a-", "/a", "a/", "a//b", "a b", "ä",
        String(repeating: "a", count: 201),
    ])
    func invalidNamesAreTold(name: String) { #expect(!RepositoryName.isValid(name)) }

    @Test(arguments: [
        "Llama-3", "llama-3.", "A", "a..b", "X/Y", "9-", "a/-b", String(repeating: "A", count: 200), "A.b/C_",
    ])
    func otherModelsHaveARepositoryOfTheirOwn(name: String) {
        let repository = RepositoryName.of(model: name)
        #expect(RepositoryName.isValid(repository), "\(repository)")
        #expect(repository != RepositoryName.of(model: name + "x"))
        let lower = name.lowercased()
        #expect(lower == name || repository != RepositoryName.of(model: lower))
    }
}
