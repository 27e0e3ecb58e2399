//! Reads the commands of a page: blocks of `sh`, and the section's undo commands.
//!
//! Not here: running them (`script.rs`).

use crate::source::SourceFile;

/// What marks a block that cannot run.
const MARK: &str = "# not run here:";

/// The blocks of one page, in its order.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) blocks: Vec<Block>,
}

/// One block of `sh`.
#[derive(Debug)]
pub(super) struct Block {
    /// Of the opening fence.
    pub(super) line: usize,
    lines: Vec<String>,
    /// Commands in the *Undo* of the section, each with its line.
    pub(super) undo: Vec<Piece>,
}

/// One command, of one line or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Piece {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Page {
    pub(super) fn parse(file: &SourceFile) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut in_block, mut in_other, mut in_undo) = (false, false, false);
        // The first block of the section that is being read: those before it have their undo.
        let mut first = 0;
        for (line, text) in file.lines() {
            match text {
                "```" if in_block || in_other => (in_block, in_other) = (false, false),
                _ if in_other => {}
                "```sh" if !in_block => {
                    in_block = true;
                    let (lines, undo) = (Vec::new(), Vec::new());
                    blocks.push(Block { line, lines, undo });
                }
                _ if in_block => blocks
                    .last_mut()
                    .into_iter()
                    .for_each(|block| block.lines.push(text.to_owned())),
                _ if text.starts_with("```") => in_other = true,
                _ if text.starts_with('#') => (first, in_undo) = (blocks.len(), false),
                _ => {
                    in_undo = text.starts_with("- Undo:") || in_undo && text.starts_with(' ');
                    if in_undo {
                        let undo = spans(text).map(|text| Piece { line, text });
                        let undo: Vec<Piece> = undo.collect();
                        for block in &mut blocks[first..] {
                            block.undo.extend(undo.iter().cloned());
                        }
                    }
                }
            }
        }
        let path = file.path.clone();
        Self { path, blocks }
    }
}

/// Spans of code that are commands which set something.
fn spans(text: &str) -> impl Iterator<Item = String> {
    let spans = text.split('`').skip(1).step_by(2);
    let commands = spans.filter(|span| {
        let verbs = ["sysctl -w ", "nft ", "echo "];
        verbs.iter().any(|verb| span.starts_with(verb))
    });
    commands.map(str::to_owned)
}

impl Block {
    /// Why it is not run, if it is not.
    pub(super) fn reason(&self) -> Option<&str> {
        let mut lines = self.lines.iter();
        lines
            .find_map(|line| line.strip_prefix(MARK))
            .map(str::trim)
    }

    /// Its commands: lines, and what goes on over several lines as one.
    pub(super) fn commands(&self) -> Vec<Piece> {
        let mut commands: Vec<Piece> = Vec::new();
        let mut depth = 0;
        let mut goes_on = false;
        for (at, text) in self.lines.iter().enumerate() {
            if text.trim().is_empty() || depth == 0 && !goes_on && text.starts_with('#') {
                continue;
            }
            if depth == 0 && !goes_on {
                let (line, text) = (self.line + 1 + at, String::new());
                commands.push(Piece { line, text });
            }
            if let Some(command) = commands.last_mut() {
                command.text += text;
                command.text.push('\n');
            }
            goes_on = text.ends_with('\\');
            depth += opened(text);
        }
        commands
    }
}

/// How many loops, cases and functions a line opens more than it closes.
fn opened(text: &str) -> i32 {
    let text = text.trim();
    let opens = text.starts_with("for ") || text.starts_with("case ") || text.ends_with("() {");
    let closes = ["done", "esac", "}"];
    let closed = closes
        .iter()
        .any(|word| text == *word || text.starts_with(&format!("{word} ")));
    let whole = text.starts_with("for ") && text.contains("; done");
    i32::from(opens) - i32::from(closed) - i32::from(whole)
}

#[test]
fn a_page_is_blocks_with_their_undo() {
    let text = "# a\n```sh\nls # x\n# not a command\nfor a in b; do\n    c\ndone | d\n```\n\
        - Undo: `sysctl -w a=1`; `reboot`,\n  or `nft x`.\n- Risk: `sysctl -w a=2`.\n\
        # b\n```text\n```sh\n```\n```sh\n# not run here: no reason\nx\n```\n";
    let page = Page::parse(&SourceFile::sample("a.md", text));
    let [one, two] = &page.blocks[..] else {
        panic!("two blocks: {page:?}");
    };
    let piece = |line, text: &str| Piece {
        line,
        text: text.to_owned(),
    };
    let commands = [
        piece(3, "ls # x\n"),
        piece(5, "for a in b; do\n    c\ndone | d\n"),
    ];
    assert_eq!(one.commands(), commands);
    assert_eq!(one.undo, [piece(9, "sysctl -w a=1"), piece(10, "nft x")]);
    assert_eq!(one.reason(), None);
    assert_eq!(two.reason(), Some("no reason"));
    assert_eq!(two.undo, []);
}
