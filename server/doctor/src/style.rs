//! How text looks: width, colour, wrapped lines.
//!
//! Always true here:
//! - Colour is only added to words that say the same without it.

use std::io::IsTerminal;

use super::knob::Severity;

/// The narrowest and the widest that text is laid out for.
const WIDTH: std::ops::RangeInclusive<usize> = 40..=110;
/// The width where none is known.
const WIDTH_DEFAULT: usize = 80;

/// What the place that text goes to can show.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub(super) width: usize,
    /// How many lines it has, if that is known.
    pub(super) height: Option<usize>,
    pub(super) colour: bool,
    /// It is a terminal, where what was shown can be shown over.
    pub(super) redraws: bool,
}

impl Style {
    /// As standard output can show it: colour on a terminal only, unless `NO_COLOR` is set or the
    /// terminal is dumb.
    #[must_use]
    pub fn of_output() -> Self {
        let output = std::io::stdout();
        let terminal = output.is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS").ok();
        let columns = columns.and_then(|text| text.parse().ok());
        let window = rustix::termios::tcgetwinsize(&output).ok();
        let wide = window.map(|size| usize::from(size.ws_col));
        let high = window.map(|size| usize::from(size.ws_row));
        let width = columns.or(wide).filter(|width| *width > 0);
        Self {
            width: width
                .unwrap_or(WIDTH_DEFAULT)
                .clamp(*WIDTH.start(), *WIDTH.end()),
            height: high.filter(|height| *height > 0),
            colour: terminal && !dumb && !is_set("NO_COLOR"),
            redraws: terminal && !dumb,
        }
    }

    /// Text without colour whose lines have at most `width` characters, from 40 to 110.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self {
            width: width.clamp(*WIDTH.start(), *WIDTH.end()),
            height: None,
            colour: false,
            redraws: false,
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// In the colour of a severity.
    pub(super) fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Problem => "1;31",
            Severity::Warning => "1;33",
            Severity::Advice => "36",
            Severity::Unread => "35",
            Severity::Fine => "32",
        };
        self.paint(code, text)
    }
}

/// Lines of at most `width` characters, cut between words; a longer word has a line of its own.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

/// Text behind a label, wrapped, with later lines indented as far as the first.
pub(super) fn labelled(label: &str, text: &str, width: usize) -> String {
    let indent = label.chars().count();
    let lines = wrap(text, width.saturating_sub(indent).max(20));
    let margin = format!("\n{}", " ".repeat(indent));
    format!("{label}{}\n", lines.join(&margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 6), ["one", "two", "three"]);
        assert_eq!(wrap("a  verylongword b", 4), ["a", "verylongword", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn later_lines_stand_below_the_first() {
        let text = "one two three four five six seven";
        assert_eq!(
            labelled("  why  ", text, 27),
            "  why  one two three four\n       five six seven\n"
        );
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let plain = Style {
            width: 80,
            height: None,
            colour: false,
            redraws: false,
        };
        let colourful = Style {
            colour: true,
            ..plain
        };
        assert_eq!(plain.severity(Severity::Problem, "problem"), "problem");
        assert_eq!(plain.bold("a") + &plain.dim("b"), "ab");
        let painted = colourful.severity(Severity::Problem, "problem");
        assert!(painted.contains("problem") && painted.len() > "problem".len());
    }
}
