/// The version of modelreg; CHANGELOG.md says what is in it.
package let modelRegVersion = "0.1.0"
