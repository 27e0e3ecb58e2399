//! Forms with files, read part by part as they come.
//!
//! Always true here:
//! - No more is held than a window of the body and one part's head.
//! - Each limit's error names the field in which it was passed.
//!
//! Not here: cutting the bytes (the protocol's).

use bytes::{Bytes, BytesMut};
use ringlane_protocol::{
    MediaType, MultipartDecoder, MultipartError, MultipartLimits, MultipartPart, PartHead,
};

use super::Body;
use crate::{Error, Result, StatusCode};

impl Body {
    /// The body as a form with files (`multipart/form-data`, RFC 7578), part by part, within the
    /// [default limits](MultipartLimits::default).
    ///
    /// The form as a whole is limited as any body is: see
    /// [`set_body_limit`](crate::Context::set_body_limit).
    ///
    /// # Errors
    ///
    /// 415 if the request does not declare such a form, 400 if its boundary is none.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// async fn upload(ctx: Context) -> Result {
    ///     let mut form = ctx.set_body_limit(100 << 20).body().multipart()?;
    ///     let (mut title, mut length) = (String::new(), 0);
    ///     while let Some(mut part) = form.next_part().await? {
    ///         match part.name() {
    ///             "title" => title = part.text().await?,
    ///             "file" => while let Some(bytes) = part.chunk().await? {
    ///                 length += bytes.len();
    ///             },
    ///             _ => {} // what is not read is passed over
    ///         }
    ///     }
    ///     ctx.text(format!("{title}: {length} bytes"));
    ///     Ok(())
    /// }
    /// ```
    pub fn multipart(self) -> Result<Multipart> {
        self.multipart_within(MultipartLimits::default())
    }

    /// As [`multipart`](Self::multipart), within these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn multipart_within(self, limits: MultipartLimits) -> Result<Multipart> {
        let declared = self.0.media_type();
        let kind = declared.or_else(|| MediaType::parse("application/octet-stream"));
        let decoder = kind
            .ok_or(MultipartError::WrongMediaType)
            .and_then(|kind| MultipartDecoder::new(kind, limits));
        Ok(Multipart {
            decoder: decoder.map_err(|error| Error::new(error.status(), error.to_string()))?,
            body: self,
            held: Bytes::new(),
            head: PartHead::default(),
            is_in_part: false,
        })
    }
}

/// A form with files, while it is read.
///
/// After an error there is no more to be read.
#[derive(Debug)]
pub struct Multipart {
    body: Body,
    decoder: MultipartDecoder,
    /// What has come and is not cut yet.
    held: Bytes,
    /// Of the part that is read, or was read last.
    head: PartHead,
    is_in_part: bool,
}

enum Piece {
    Begin,
    Data(Bytes),
    PartEnd,
    End,
}

impl Multipart {
    /// The next part; `None` at the end of the form. What was not read of the one before is passed
    /// over.
    ///
    /// # Errors
    ///
    /// As of any [`Body`]; 400 for what is no form, 413 beyond a limit.
    pub async fn next_part(&mut self) -> Result<Option<Part<'_>>> {
        loop {
            match self.piece().await? {
                Piece::Begin => return Ok(Some(Part(self))),
                Piece::Data(_) | Piece::PartEnd => {}
                Piece::End => return Ok(None),
            }
        }
    }

    async fn piece(&mut self) -> Result<Piece> {
        loop {
            let step = self.decoder.decode(&self.held);
            let step = step.map_err(|error| explain(error, self.is_in_part, &self.head))?;
            let piece = match step.part {
                MultipartPart::NeedMore => None,
                MultipartPart::Begin(head) => {
                    self.head = head;
                    self.is_in_part = true;
                    Some(Piece::Begin)
                }
                MultipartPart::Data(_) => {
                    return Ok(Piece::Data(self.held.split_to(step.consumed)));
                }
                MultipartPart::PartEnd => {
                    self.is_in_part = false;
                    Some(Piece::PartEnd)
                }
                MultipartPart::End => Some(Piece::End),
            };
            let consumed = step.consumed;
            drop(self.held.split_to(consumed));
            match piece {
                Some(Piece::End) => {
                    // What is behind the form is taken in, so that the connection can go on.
                    while self.body.chunk().await?.is_some() {}
                    return Ok(Piece::End);
                }
                Some(piece) => return Ok(piece),
                None => self.fill().await?,
            }
        }
    }

    /// Waits for more of the body.
    async fn fill(&mut self) -> Result {
        let Some(more) = self.body.chunk().await? else {
            let cut_off = self.decoder.finish().err();
            let error = cut_off.unwrap_or(MultipartError::Truncated);
            return Err(explain(error, self.is_in_part, &self.head));
        };
        self.held = match self.held.is_empty() {
            true => more,
            false => {
                let mut both = BytesMut::with_capacity(self.held.len() + more.len());
                both.extend_from_slice(&self.held);
                both.extend_from_slice(&more);
                both.freeze()
            }
        };
        Ok(())
    }
}

/// One part of a form: a field, or a file.
#[derive(Debug)]
pub struct Part<'f>(&'f mut Multipart);

impl Part<'_> {
    /// The name of the field. What browsers escape in it is given as it was meant: `%22` as `"`,
    /// `%0D` and `%0A` as the ends of lines.
    pub fn name(&self) -> &str {
        &self.0.head.name
    }

    /// The name that the client gives a file, without any folders; `None` if this is a field and
    /// no file. It is empty where a form's user chose no file. It may be any text: do not store
    /// under it what others will be served.
    pub fn file_name(&self) -> Option<&str> {
        self.0.head.file_name.as_deref()
    }

    /// The media type that the client declares; it may be wrong.
    pub fn media_type(&self) -> Option<MediaType<'_>> {
        MediaType::parse(self.0.head.media_type.as_deref()?)
    }

    /// The next bytes as they come; `None` at the part's end.
    ///
    /// # Errors
    ///
    /// See [`Multipart::next_part`]; errors name the field.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if !self.0.is_in_part {
            return Ok(None);
        }
        match self.0.piece().await? {
            Piece::Data(bytes) => Ok(Some(bytes)),
            Piece::Begin | Piece::PartEnd | Piece::End => Ok(None),
        }
    }

    /// All that is left of the part. How much that can be, [`MultipartLimits`] say.
    ///
    /// # Errors
    ///
    /// See [`chunk`](Self::chunk).
    pub async fn bytes(&mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }

    /// All that is left of the part, as text.
    ///
    /// # Errors
    ///
    /// See [`chunk`](Self::chunk); 415 if the part declares another `charset` than UTF-8, 400 if it
    /// is not UTF-8.
    pub async fn text(&mut self) -> Result<String> {
        let complain = |part: &Self, status, problem: &str| {
            Error::new(status, format!("form field `{}`: {problem}", part.name()))
        };
        if self.media_type().is_some_and(|kind| !kind.is_utf8()) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(complain(self, status, "it must be in UTF-8"));
        }
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into())
            .map_err(|_| complain(self, StatusCode::BAD_REQUEST, "it is not valid UTF-8"))
    }
}

fn explain(error: MultipartError, is_in_part: bool, head: &PartHead) -> Error {
    let message = match is_in_part {
        true => format!("form field `{}`: {error}", head.name),
        false => error.to_string(),
    };
    Error::new(error.status(), message)
}
