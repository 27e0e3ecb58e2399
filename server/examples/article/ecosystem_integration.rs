//! Ecosystem Integration: a client that needs Tokio, on a thread of its own beside the cores.
//!
//! ```text
//! handler ── question ──► Tokio's thread ── GET key ──► a server that speaks Redis' protocol
//!    ▲                         │
//!    └──── answer (oneshot) ───┘
//! ```
//!
//! Always true here:
//! - A core never waits for Tokio: it awaits an answer, and its other requests go on.
//! - Questions in line, bytes of an answer, and the time for one exchange are bounded.

use std::io;
use std::time::Duration;

use ringlane::{Builder, Context, Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::technical_foundation::{ApplicationConfig, ConfigError};

const QUESTIONS_MAX: usize = 1024;
const LINE_BYTES_MAX: u64 = 512;
const VALUE_BYTES_MAX: usize = 64 * 1024;
const EXCHANGE_TIME: Duration = Duration::from_secs(2);

pub(crate) fn routes(server: Builder, config: &ApplicationConfig) -> Result<Builder, ConfigError> {
    let Some(address) = &config.cache_address else {
        return Ok(server);
    };
    let cache = Cache::start(address.clone());
    let cache = cache.map_err(|error| ConfigError::new("cache_address", error))?;
    Ok(server.get("/cached/{key}", move |ctx| cached(ctx, cache.clone())))
}

async fn cached(ctx: Context, cache: Cache) -> Result<Option<Vec<u8>>> {
    let value = cache.get(ctx.param("key")?).await;
    value.map_err(|error| Error::new(502, "the cache cannot be read").with_source(error))
}

/// A handle to Tokio's thread.
#[derive(Clone)]
struct Cache(mpsc::Sender<Question>);

struct Question {
    key: String,
    answer: oneshot::Sender<io::Result<Option<Vec<u8>>>>,
}

impl Cache {
    /// Starts the thread. It ends when the last handle is gone.
    fn start(address: String) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (sender, questions) = mpsc::channel(QUESTIONS_MAX);
        std::thread::Builder::new()
            .name("tokio".to_owned())
            .spawn(move || runtime.block_on(answer_all(&address, questions)))?;
        Ok(Self(sender))
    }

    async fn get(&self, key: String) -> io::Result<Option<Vec<u8>>> {
        let (answer, answered) = oneshot::channel();
        let question = Question { key, answer };
        let asked = self.0.try_send(question);
        asked.map_err(|_| io::Error::other("too many wait for the cache"))?;
        answered
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the cache's thread has ended")))
    }
}

async fn answer_all(address: &str, mut questions: mpsc::Receiver<Question>) {
    let mut connection = None;
    while let Some(Question { key, answer }) = questions.recv().await {
        if answer.is_closed() {
            continue; // its request is over
        }
        let exchange = exchange(address, &mut connection, &key);
        let value = tokio::time::timeout(EXCHANGE_TIME, exchange).await;
        let value = value.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if value.is_err() {
            connection = None; // the next answer could be this one's
        }
        // Nobody may wait for it any more.
        let _ = answer.send(value);
    }
}

/// One `GET` on the connection that there is, or a new one.
async fn exchange(
    address: &str,
    connection: &mut Option<BufReader<TcpStream>>,
    key: &str,
) -> io::Result<Option<Vec<u8>>> {
    let stream = match connection {
        Some(stream) => stream,
        None => connection.insert(BufReader::new(TcpStream::connect(address).await?)),
    };
    let request = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
    stream.write_all(request.as_bytes()).await?;
    read_value(stream).await
}

/// A bulk string, a null, or an error (Redis serialization protocol, version 2).
async fn read_value(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    (&mut *stream)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a malformed answer");
    let line = str::from_utf8(&line).map_err(|_| malformed())?;
    let line = line.strip_suffix("\r\n").ok_or_else(malformed)?;
    if line == "$-1" {
        return Ok(None);
    }
    let count = line.strip_prefix('$').ok_or_else(malformed)?;
    let count: usize = count.parse().map_err(|_| malformed())?;
    if count > VALUE_BYTES_MAX {
        return Err(io::Error::other("too long a value"));
    }
    let mut value = vec![0; count + 2];
    stream.read_exact(&mut value).await?;
    let text = value.strip_suffix(b"\r\n").ok_or_else(malformed)?;
    Ok(Some(text.to_vec()))
}
