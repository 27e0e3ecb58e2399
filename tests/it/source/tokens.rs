//! Scans Rust text into a flat list of tokens, and the comments between them.
//!
//! Flat, because most rules look for a few words in a row, and because a macro's arguments are
//! tokens too: what hides in `assert!(…)` is found like anything else.

use std::ops::Range;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Literal, Span, TokenStream, TokenTree};

/// One token; a bracket counts as one, and so does `::`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// Where it starts, counted from 1.
    pub(crate) line: usize,
    pub(crate) bytes: Range<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Word,
    /// A string of any sort, quotes included.
    Text,
    /// A number or a character.
    Value,
    /// Punctuation and brackets.
    Mark,
}

/// One line of a comment, without its marks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Comment {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text && self.kind != Kind::Text
    }

    /// A string's content as written, escapes untouched.
    pub(crate) fn content(&self) -> &str {
        let start = self.text.find('"').map_or(0, |at| at + 1);
        let end = self.text.rfind('"').unwrap_or(self.text.len());
        &self.text[start..end.max(start)]
    }
}

/// Whether `tokens` begin with `expected`.
pub(crate) fn starts_with(tokens: &[Token], expected: &[&str]) -> bool {
    tokens.len() >= expected.len()
        && tokens
            .iter()
            .zip(expected)
            .all(|(token, text)| token.is(text))
}

/// The tokens and the comments of one file.
///
/// # Panics
/// If the text is no Rust.
pub(crate) fn scan(path: &str, text: &str) -> (Vec<Token>, Vec<Comment>) {
    let stream = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut scan = Scan {
        text,
        tokens: Vec::new(),
        documentation: Vec::new(),
    };
    scan.flatten(stream);
    let comments = scan.comments();
    (scan.tokens, comments)
}

struct Scan<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// What documentation comments cover; to the compiler they are attributes.
    documentation: Vec<Range<usize>>,
}

impl Scan<'_> {
    fn flatten(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Punct(mark) if self.is_comment(mark.span()) => {
                    self.documentation.push(mark.span().byte_range());
                    trees.next_if(
                        |next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!'),
                    );
                    trees.next();
                }
                TokenTree::Group(group) => {
                    let (open, close) = brackets(group.delimiter());
                    self.push(Kind::Mark, open, group.span_open());
                    self.flatten(group.stream());
                    self.push(Kind::Mark, close, group.span_close());
                }
                TokenTree::Ident(word) => self.push(Kind::Word, &word.to_string(), word.span()),
                TokenTree::Punct(mark) => self.mark(mark.as_char(), mark.span()),
                TokenTree::Literal(literal) => self.literal(&literal),
            }
        }
    }

    fn is_comment(&self, span: Span) -> bool {
        let text = &self.text[span.byte_range()];
        text.starts_with("//") || text.starts_with("/*")
    }

    fn push(&mut self, kind: Kind, text: &str, span: Span) {
        let (line, bytes) = (span.start().line, span.byte_range());
        self.tokens.push(Token {
            kind,
            text: text.to_owned(),
            line,
            bytes,
        });
    }

    /// Two colons side by side become one token.
    fn mark(&mut self, mark: char, span: Span) {
        let start = span.byte_range().start;
        match self.tokens.last_mut() {
            Some(last) if mark == ':' && last.is(":") && last.bytes.end == start => {
                last.text.push(mark);
                last.bytes.end += 1;
            }
            Some(_) | None => self.push(Kind::Mark, mark.encode_utf8(&mut [0; 4]), span),
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let text = literal.to_string();
        let kind = if text.ends_with('"') || text.ends_with('#') {
            Kind::Text
        } else {
            Kind::Value
        };
        self.push(kind, &text, literal.span());
    }

    /// Whatever no token covers is white space or a comment.
    fn comments(&self) -> Vec<Comment> {
        let mut covered: Vec<Range<usize>> = self.documentation.clone();
        covered.extend(self.tokens.iter().map(|token| token.bytes.clone()));
        covered.sort_by_key(|range| range.start);
        covered.push(self.text.len()..self.text.len());
        let mut comments = Vec::new();
        let mut from = 0;
        for range in covered {
            let gap = self.text.get(from..range.start).unwrap_or_default();
            if !gap.trim().is_empty() {
                let line = 1 + self.text[..from].matches('\n').count();
                read_gap(gap, line, &mut comments);
            }
            from = from.max(range.end);
        }
        comments
    }
}

/// The comment lines of a piece of text that holds nothing else but white space.
fn read_gap(gap: &str, first_line: usize, comments: &mut Vec<Comment>) {
    for (after, line) in gap.split('\n').enumerate() {
        let text = line
            .trim()
            .trim_start_matches(['/', '*'])
            .trim_end_matches("*/")
            .trim();
        if !text.is_empty() {
            comments.push(Comment {
                line: first_line + after,
                text: text.to_owned(),
            });
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Whether an attribute starts here that keeps its item out of every build but a test's.
pub(crate) fn is_test_attribute(tokens: &[Token]) -> bool {
    [
        ["#", "[", "test", "]"].as_slice(),
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test"],
    ]
    .iter()
    .any(|form| starts_with(tokens, form))
}

/// The index of the last token of the item, field or arm that `from`, its attribute, belongs to.
pub(crate) fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() && tokens[at].is("#") {
        at = closing(tokens, at + 1) + 1;
    }
    let is_item = is_item(&tokens[at..]);
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at,
            "," if !is_item => return at,
            "}" => return at - 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    tokens.len() - 1
}

/// Whether an item starts here, in which a comma ends nothing.
fn is_item(tokens: &[Token]) -> bool {
    let starts = [
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
        "use",
    ];
    let mut at = 0;
    if starts_with(tokens, &["pub"]) {
        at = if starts_with(tokens, &["pub", "("]) {
            closing(tokens, 1) + 1
        } else {
            1
        };
    }
    tokens
        .get(at)
        .is_some_and(|token| starts.contains(&token.text.as_str()))
}

/// The index of the bracket that closes the one at `open`.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.kind == Kind::Mark {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("brackets of parsed Rust are balanced")
}

/// Every path that the tokens name with its line, `use` groups written out: `a::{b, c::d}` is
/// `a::b` and `a::c::d`. A single word is a path too.
pub(crate) fn paths(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        at += 1;
        match token.text.as_str() {
            "{" if token.kind == Kind::Mark => prefixes.push(String::new()),
            "}" if token.kind == Kind::Mark => drop(prefixes.pop()),
            _ if token.kind == Kind::Word => {
                let mut path = prefixes.last().cloned().unwrap_or_default() + &token.text;
                while starts_with(&tokens[at..], &["::"]) && is_word(tokens.get(at + 1)) {
                    path = path + "::" + &tokens[at + 1].text;
                    at += 2;
                }
                if starts_with(&tokens[at..], &["::", "{"]) {
                    prefixes.push(path + "::");
                    at += 2;
                } else {
                    found.push((path, token.line));
                }
            }
            _ => {}
        }
    }
    found
}

fn is_word(token: Option<&Token>) -> bool {
    token.is_some_and(|token| token.kind == Kind::Word)
}

mod tests;
