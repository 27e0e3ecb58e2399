//! Parses answers as a simulated client and compares them with the expected ones.
//!
//! Written for the tests alone, so that it shares no mistake with the server.
//!
//! Not here: which answers are due (`requests.rs`).

use crate::sim::visitor::Seen;

/// What an answer must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Expected {
    pub(super) status: u16,
    /// `None` if only the status counts.
    pub(super) body: Option<Vec<u8>>,
    pub(super) to_head: bool,
}

/// What of an answer is there.
enum Answer {
    /// Not even its head.
    Headless,
    Begun {
        status: u16,
        body: Vec<u8>,
    },
    Whole {
        status: u16,
        body: Vec<u8>,
        length: usize,
    },
}

/// What was received must be how these answers begin, one behind the other.
pub(super) fn judge(expected: &[Expected], received: &[u8], refuses: bool) -> Result<Seen, String> {
    let mut rest = received;
    for (answers, due) in expected.iter().enumerate() {
        let problem = |what: String| {
            format!(
                "answer {answers} is not a clean beginning of {}: {what}",
                due.status
            )
        };
        match next_final(&mut rest, due.to_head).map_err(problem)? {
            Answer::Headless => {
                return Ok(Seen {
                    answers,
                    cut: !rest.is_empty(),
                    refused: false,
                });
            }
            Answer::Begun { status: 503, .. } | Answer::Whole { status: 503, .. }
                if refuses && answers == 0 && due.status != 503 =>
            {
                return Ok(Seen {
                    answers,
                    cut: false,
                    refused: true,
                });
            }
            Answer::Begun { status, body } => {
                compare(due, status, &body, false).map_err(problem)?;
                return Ok(Seen {
                    answers,
                    cut: true,
                    refused: false,
                });
            }
            Answer::Whole {
                status,
                body,
                length,
            } => {
                compare(due, status, &body, true).map_err(problem)?;
                rest = &rest[length..];
            }
        }
    }
    if rest.is_empty() {
        return Ok(Seen {
            answers: expected.len(),
            cut: false,
            refused: false,
        });
    }
    let more = String::from_utf8_lossy(&rest[..rest.len().min(60)]);
    Err(format!(
        "more than is due, which is not a clean beginning of it: {more}"
    ))
}

fn compare(due: &Expected, status: u16, body: &[u8], whole: bool) -> Result<(), String> {
    let wanted = due.body.as_deref().unwrap_or(body);
    let fits = if whole {
        wanted == body
    } else {
        wanted.starts_with(body)
    };
    if status != due.status || !fits {
        let begin = String::from_utf8_lossy(&body[..body.len().min(60)]);
        let (there, due) = (body.len(), wanted.len());
        return Err(format!("status {status}, {there} of {due} bytes: {begin}"));
    }
    Ok(())
}

/// The next answer that is not an interim one; those are taken off `rest`.
fn next_final(rest: &mut &[u8], to_head: bool) -> Result<Answer, String> {
    loop {
        let answer = parse(rest, to_head)?;
        let Answer::Whole {
            status: 100..=199,
            length,
            ..
        } = answer
        else {
            return Ok(answer);
        };
        *rest = &rest[length..];
    }
}

fn parse(bytes: &[u8], to_head: bool) -> Result<Answer, String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes).map_err(|error| error.to_string())? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(Answer::Headless),
    };
    let status = response.code.unwrap_or(0);
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let rest = &bytes[head..];
    if to_head || matches!(status, 100..=199 | 204 | 304) {
        return Ok(Answer::Whole {
            status,
            body: Vec::new(),
            length: head,
        });
    }
    if header("transfer-encoding").as_deref() == Some("chunked") {
        let (body, length) = chunked(rest)?;
        return Ok(match length {
            Some(length) => Answer::Whole {
                status,
                body,
                length: head + length,
            },
            None => Answer::Begun { status, body },
        });
    }
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.ok_or("neither a length nor chunks")?;
    Ok(match rest.get(..length) {
        Some(body) => Answer::Whole {
            status,
            body: body.to_vec(),
            length: head + length,
        },
        None => Answer::Begun {
            status,
            body: rest.to_vec(),
        },
    })
}

/// The body so far, and how long it was on the wire if that is all of it.
fn chunked(bytes: &[u8]) -> Result<(Vec<u8>, Option<usize>), String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = &bytes[at..];
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return Ok((body, None));
        };
        let line = std::str::from_utf8(&rest[..end]).map_err(|error| error.to_string())?;
        let size = usize::from_str_radix(line, 16).map_err(|_| format!("chunk size {line:?}"))?;
        let rest = &rest[end + 2..];
        body.extend_from_slice(&rest[..rest.len().min(size)]);
        if rest.len() < size + 2 {
            return Ok((body, None));
        }
        if &rest[size..size + 2] != b"\r\n" {
            return Err(format!("a chunk of {size} without its end"));
        }
        at += end + 2 + size + 2;
        if size == 0 {
            return Ok((body, Some(at)));
        }
    }
}
