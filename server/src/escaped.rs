//! Text that may hold bytes of a client's, as one line of a log: what would end the line, or steer
//! a terminal, is written as an escape.
//!
//! Always true here:
//! - What is written holds no control character and no other line end.
//!
//! Not here: fields that are strings, which every subscriber quotes by itself.

use std::fmt::{self, Write};

/// Displays and debugs as the text of its value, escaped.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper(f), "{}", self.0)
    }
}

impl<T: fmt::Display> fmt::Debug for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes what passes it.
struct Escaper<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, character)) = rest.char_indices().find(|(_, one)| must_escape(*one)) {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "{}", character.escape_default())?;
            rest = &rest[at + character.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// Control characters, and the line ends that are none.
fn must_escape(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_line_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("plain \"caf\u{e9}\" \\n", "plain \"caf\u{e9}\" \\n"),
            ("a\nb\r\n", "a\\nb\\r\\n"),
            ("\u{1b}[2J\u{9b}2J\0\t", "\\u{1b}[2J\\u{9b}2J\\u{0}\\t"),
            ("a\u{2028}b\u{2029}\u{85}", "a\\u{2028}b\\u{2029}\\u{85}"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
            assert_eq!(format!("{:?}", Escaped(text)), expected);
        }
    }
}
