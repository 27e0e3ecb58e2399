//! A stream of events as a test's client has it.

use std::io;
use std::time::Duration;

use ringlane_protocol::event_stream::{Decoder, Item};
use ringlane_protocol::{BodyDecoder, BodyPart, Framing};

use super::answer::malformed;
use super::{Answer, Connection, Request};
use crate::Result;

/// A client's end of a stream of events. What it is sent comes when its [`Client`](super::Client)
/// runs. Dropping it closes the connection.
///
/// ```
/// use std::time::Duration;
/// use ringlane::testing::{Client, Item};
/// use ringlane::{Context, Result, Server};
///
/// # fn main() -> Result {
/// let builder = Server::builder().get("/news", |ctx: Context| ctx.event_stream_of("news"));
/// let topics = builder.topics();
/// let mut client = Client::new(builder.build()?)?;
/// let mut events = client.get("/news").event_stream()?;
/// topics.publish("news", "extra!");
/// client.run(Duration::ZERO)?;
/// assert!(matches!(&events.read()?[..], [Item::Event(event)] if event.data == "extra!"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventStream {
    connection: Connection,
    head: Answer,
    body: BodyDecoder,
    /// Bytes of the body that are not decoded yet.
    received: Vec<u8>,
    decoder: Decoder,
    is_whole: bool,
}

impl Request<'_> {
    /// Sends the request, and gives the stream of events that it is answered with.
    ///
    /// # Errors
    ///
    /// If the server does not answer at once, with 200 and such a stream.
    pub fn event_stream(self) -> Result<EventStream> {
        let request = self.header("Accept", "text/event-stream");
        let bytes = request.serialise();
        let client = request.client;
        let connection = client.connect();
        connection.send(&bytes);
        client.run(Duration::ZERO)?;
        EventStream::begin(connection)
    }
}

impl EventStream {
    fn begin(connection: Connection) -> Result<Self> {
        let mut received = connection.read();
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let refused = || {
            let text = String::from_utf8_lossy(&received);
            io::Error::other(format!("no stream of events: {text}"))
        };
        let end = end.ok_or_else(refused)?;
        let head = Answer::parse_head(&received[..end])?;
        let is_stream = head.header("Content-Type") == Some("text/event-stream");
        let is_chunked = head.header("Transfer-Encoding") == Some("chunked");
        if head.status() != 200 || !is_stream || !is_chunked {
            return Err(refused().into());
        }
        received.drain(..end + 4);
        Ok(Self {
            connection,
            head,
            body: BodyDecoder::new(Framing::Chunked),
            received,
            decoder: Decoder::default(),
            is_whole: false,
        })
    }

    /// Takes what has come since the last call.
    ///
    /// # Errors
    ///
    /// If the chunks, or an event, are malformed.
    pub fn read(&mut self) -> Result<Vec<Item>> {
        self.received.extend(self.connection.read());
        let (mut items, mut rest) = (Vec::new(), self.received.as_slice());
        while !self.is_whole {
            let step = self.body.decode(rest).map_err(malformed)?;
            rest = &rest[step.consumed..];
            match step.part {
                BodyPart::Data(mut data) => loop {
                    let step = self.decoder.decode(data).map_err(malformed)?;
                    data = &data[step.consumed..];
                    match step.item {
                        Some(item) => items.push(item),
                        None => break,
                    }
                },
                BodyPart::NeedMore => break,
                BodyPart::End => self.is_whole = true,
            }
        }
        self.received = rest.to_owned();
        Ok(items)
    }

    /// The id that this client would come back with, of what was [read](Self::read).
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The head of the answer.
    pub fn head(&self) -> &Answer {
        &self.head
    }

    /// Whether the stream was ended in good order, as far as it was [read](Self::read).
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The connection, for bytes as they are.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}
