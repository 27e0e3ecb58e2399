//! Tests the scanner with text that is easily misread: marks in strings, wide characters, macros.

use super::{Comment, Kind, closing, item_end, paths, scan};

#[track_caller]
fn check_comments(text: &str, expected: &[(usize, &str)]) {
    let (_, actual) = scan("sample.rs", text);
    let wanted = |&(line, text): &(usize, &str)| Comment {
        line,
        text: text.to_owned(),
    };
    assert_eq!(
        actual,
        expected.iter().map(wanted).collect::<Vec<_>>(),
        "{text}"
    );
}

#[test]
fn comments_are_what_no_token_covers() {
    check_comments(
        "fn f() {} // after\n// below\n",
        &[(1, "after"), (2, "below")],
    );
    check_comments("/* one\n * two */ fn f() {}", &[(1, "one"), (2, "two")]);
    check_comments("const A: &str = \"// no\";\n", &[]);
    check_comments("const A: &str = r#\"\" // no\"#; // yes", &[(1, "yes")]);
    check_comments("//! no\n\n/// no\nfn f() {}\n/** no */\nfn g() {}\n", &[]);
    check_comments(
        "const A: &str = \"§ é → \"; // yes\n// é\n",
        &[(1, "yes"), (2, "é")],
    );
    check_comments("//! § head\nfn f() { g('\"'); } // yes", &[(2, "yes")]);
    check_comments("fn f() {\n    // within\n}\n", &[(2, "within")]);
}

#[test]
fn documentation_is_no_token() {
    let (tokens, _) = scan(
        "sample.rs",
        "//! head\n/// unsafe\nfn f() {}\n#[doc = \"a\"]\nfn g() {}",
    );
    let text: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let expected = "fn f ( ) { } # [ doc = \"a\" ] fn g ( ) { }";
    assert_eq!(text.join(" "), expected);
    assert_eq!(tokens[0].line, 3);
}

#[track_caller]
fn check_kind(text: &str, expected: Kind) {
    let (tokens, _) = scan("sample.rs", text);
    assert_eq!((tokens.len(), tokens[0].kind), (1, expected), "{text}");
}

#[test]
fn kinds_of_token() {
    check_kind("word", Kind::Word);
    check_kind("\"text\"", Kind::Text);
    check_kind("r#\"text\"#", Kind::Text);
    check_kind("b\"text\"", Kind::Text);
    check_kind("'c'", Kind::Value);
    check_kind("'\"'", Kind::Value);
    check_kind("12u8", Kind::Value);
    check_kind("::", Kind::Mark);
}

#[test]
fn a_string_is_no_word() {
    let (tokens, _) = scan("sample.rs", "\"{\" \"}\"");
    assert!(!tokens[0].is("\"{\""));
    assert_eq!(tokens[0].content(), "{");
}

#[track_caller]
fn check_paths(text: &str, expected: &[&str]) {
    let (tokens, _) = scan("sample.rs", text);
    let found: Vec<String> = paths(&tokens).into_iter().map(|(path, _)| path).collect();
    for path in expected {
        assert!(
            found.iter().any(|actual| actual == path),
            "{path} not in {found:?}"
        );
    }
}

#[test]
fn paths_are_written_out() {
    check_paths("use std::net::TcpStream;", &["std::net::TcpStream"]);
    check_paths(
        "use std::{fmt, net::{self, IpAddr}};",
        &["std::fmt", "std::net::self", "std::net::IpAddr"],
    );
    check_paths(
        "fn f() { ::std::fs::read(a::b()) }",
        &["std::fs::read", "a::b"],
    );
    check_paths(
        "assert!(matches!(x, std::thread::Y { .. }))",
        &["std::thread::Y"],
    );
    check_paths("use a::{b}; struct C { d: e::F }", &["a::b", "C", "e::F"]);
}

#[track_caller]
fn check_item_end(text: &str, expected: usize) {
    let (tokens, _) = scan("sample.rs", text);
    assert_eq!(tokens[item_end(&tokens, 0)].line, expected, "{text}");
}

#[test]
fn items_end_at_their_brace_or_semicolon() {
    check_item_end("#[cfg(test)]\nmod a {\n}\nmod b {}", 3);
    check_item_end("#[cfg(test)]\nmod a;\nmod b {}", 2);
    check_item_end("#[cfg(test)]\nfn a<B, C>()\n{}", 3);
    check_item_end("#[cfg(test)]\npub(crate) a: u8,\nb: u8;", 2);
    check_item_end(
        "#[test]\n#[expect(dead_code)]\nfn a(b: [u8; 2]) -> u8\n{ c; }\nfn d() {}",
        4,
    );
}

#[test]
fn brackets_in_strings_do_not_count() {
    let (tokens, _) = scan("sample.rs", "{ \"}\" }");
    assert_eq!(closing(&tokens, 0), 2);
}
