//! Writes JSON for diffs: a value that fits in one line is one line.
//!
//! Always true here: the text means the same as what `serde_json::to_string` writes.
//!
//! Not here: which values are written.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// An array or an object that takes more bytes than this gets a line for each of its items.
const LINE_BYTES_MAX: usize = 160;

/// The value as JSON text that ends with a line break.
pub fn to_string(value: &impl Serialize) -> serde_json::Result<String> {
    let compact = serde_json::to_string(value)?;
    let mut text = String::new();
    fold(&compact, 0, &mut text);
    text.push('\n');
    Ok(text)
}

/// Writes the value to the file `name`, counted from `root`. Its folder is made if need be.
pub fn write(value: &impl Serialize, root: &Path, name: &str) -> io::Result<()> {
    let path = root.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, to_string(value).map_err(io::Error::other)?)
}

/// Nine digits tell every figure that is shown, and none that is noise.
#[must_use]
pub fn round(number: f64) -> f64 {
    format!("{number:.8e}").parse().unwrap_or(number)
}

/// Appends one value of compact JSON.
fn fold(value: &str, depth: usize, text: &mut String) {
    let is_container = value.starts_with(['{', '[']);
    if !is_container || depth + value.len() <= LINE_BYTES_MAX {
        text.push_str(value);
        return;
    }
    let (open, rest) = value.split_at(1);
    let (inside, close) = rest.split_at(rest.len() - 1);
    text.push_str(open);
    for (index, item) in items(inside).enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        let indent = depth + 1;
        text.extend(std::iter::repeat_n(' ', indent));
        match open {
            "{" => {
                let (name, value) = item.split_at(string_end(item) + 1);
                text.push_str(name);
                text.push(' ');
                fold(value, indent, text);
            }
            _ => fold(item, indent, text),
        }
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth));
    text.push_str(close);
}

/// What stands between the commas of one container.
fn items(mut inside: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if inside.is_empty() {
            return None;
        }
        let end = item_end(inside);
        let item = &inside[..end];
        inside = inside.get(end + 1..).unwrap_or_default();
        Some(item)
    })
}

/// Where the first comma stands that is in no string and no inner container.
fn item_end(text: &str) -> usize {
    let (mut depth, mut index) = (0, 0);
    while let Some(byte) = text.as_bytes().get(index) {
        match byte {
            b'"' => index += string_end(&text[index..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return index,
            _ => {}
        }
        index += 1;
    }
    text.len()
}

/// Behind the closing quote of the string that the text begins with.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(value: &Value, expected: &str) {
        let text = to_string(value).expect("it is JSON");
        assert_eq!(text, expected);
        let again: Value = serde_json::from_str(&text).expect("what is written can be read");
        assert_eq!(again, *value);
    }

    #[test]
    fn what_fits_is_one_line() {
        check(
            &json!({"a": [1, 2.5, null], "b": {}}),
            "{\"a\":[1,2.5,null],\"b\":{}}\n",
        );
        check(
            &json!("x".repeat(500)),
            &format!("\"{}\"\n", "x".repeat(500)),
        );
    }

    #[test]
    fn what_does_not_fit_has_a_line_for_each_item() {
        let long = "x".repeat(LINE_BYTES_MAX);
        check(
            &json!({"a": [[1, 2], [long, 3]], "b": 4}),
            &format!(
                "{{\n \"a\": [\n  [1,2],\n  [\n   \"{long}\",\n   3\n  ]\n ],\n \"b\": 4\n}}\n"
            ),
        );
        let full = json!(["x".repeat(LINE_BYTES_MAX - 4)]);
        let lines = |value| to_string(value).expect("it is JSON").lines().count();
        assert_eq!(lines(&full), 1);
        assert_eq!(lines(&json!(["x".repeat(LINE_BYTES_MAX - 3)])), 3);
    }

    #[test]
    fn marks_in_strings_are_no_marks() {
        let long = "é".repeat(LINE_BYTES_MAX);
        check(
            &json!({"a\",{": "]}\\", "b": long}),
            &format!("{{\n \"a\\\",{{\": \"]}}\\\\\",\n \"b\": \"{long}\"\n}}\n"),
        );
    }

    #[test]
    fn figures_keep_nine_digits() {
        let figures = [
            (130_788.279_479_834, 130_788.279),
            (0.1, 0.1),
            (0.0, 0.0),
            (3.0, 3.0),
        ];
        for (figure, expected) in figures {
            assert_eq!(round(figure).to_bits(), f64::to_bits(expected));
        }
    }
}
