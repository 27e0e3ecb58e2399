//! An answer as a test sees it.

use std::io;

use ringlane_protocol::{BodyDecoder, BodyPart, Framing};
use serde::de::DeserializeOwned;

use crate::{Result, StatusCode};

/// The answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The first value of a header, in any case of `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; empty if it is none.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap_or_default()
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or no such value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Takes the first final answer off `received`; `None` if it is not whole. To `HEAD` there is
    /// no body; where no length is given, the body lasts until the connection `is_finished`.
    pub(super) fn parse(
        mut received: &[u8],
        to_head: bool,
        is_finished: bool,
    ) -> io::Result<Option<Self>> {
        loop {
            let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                return Ok(None);
            };
            let mut answer = Self::parse_head(&received[..end])?;
            received = &received[end + 4..];
            if answer.status.is_informational() {
                continue;
            }
            let is_bodiless = to_head || matches!(answer.status.as_u16(), 204 | 205 | 304);
            let framing = match (answer.header("Transfer-Encoding"), is_bodiless) {
                (_, true) => Framing::None,
                (Some(_), false) => Framing::Chunked,
                (None, false) => match answer.header("Content-Length") {
                    Some(length) => Framing::Length(length.parse().map_err(malformed)?),
                    None if is_finished => {
                        answer.body = received.to_owned();
                        return Ok(Some(answer));
                    }
                    None => return Ok(None),
                },
            };
            let mut decoder = BodyDecoder::new(framing);
            loop {
                let step = decoder.decode(received).map_err(malformed)?;
                received = &received[step.consumed..];
                match step.part {
                    BodyPart::Data(data) => answer.body.extend_from_slice(data),
                    BodyPart::NeedMore => return Ok(None),
                    BodyPart::End => return Ok(Some(answer)),
                }
            }
        }
    }

    pub(super) fn parse_head(head: &[u8]) -> io::Result<Self> {
        let head = str::from_utf8(head).map_err(malformed)?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|rest| rest.get(..3))
            .ok_or_else(|| malformed("no status line"))?;
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(line))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        });
        Ok(Self {
            status: status.parse().map_err(malformed)?,
            headers: headers.collect::<io::Result<_>>()?,
            body: Vec::new(),
        })
    }
}

pub(super) fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
