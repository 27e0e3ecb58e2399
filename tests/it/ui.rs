//! Tests the compiler's messages for common mistakes of users.
//!
//! Each file of `../ui` is a program with one mistake, and beside it stands what the compiler says.
//! After a change that is meant, `TRYBUILD=overwrite` writes the messages anew.

#[test]
fn the_compiler_explains_mistakes() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
}
