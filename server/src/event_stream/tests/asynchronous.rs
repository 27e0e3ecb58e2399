//! Streams in asynchronous handlers: events, clocks, and who is told of the end.

use std::cell::Cell;

use super::*;
use crate::middleware::Compression;

thread_local! {
    static HANDLERS: Cell<u32> = const { Cell::new(0) };
}

/// Counts handlers that are under way.
struct Running;

impl Running {
    fn begin() -> Self {
        HANDLERS.set(HANDLERS.get() + 1);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        HANDLERS.set(HANDLERS.get() - 1);
    }
}

async fn counted(ctx: Context) -> Result {
    let _running = Running::begin();
    silent(ctx).await
}

#[test]
fn events_come_as_they_are_sent() {
    let mut client = start(server().get("/", async |ctx: Context| -> Result {
        let mut events = ctx.event_stream_with(&Options::default().retry(2 * SECOND))?;
        events.send("one\r\nline\rmore").await?;
        let event = Event::json(&[1, 2])?.event("list").id("7");
        events.send(event).await?;
        crate::time::sleep(SECOND).await;
        events.send(Event::comment("bye")).await
    }));
    let mut events = open(&mut client, "/");
    assert_eq!(
        heard(&mut events),
        "retry 2s | one\nline\nmore | list#7 [1,2]"
    );
    pass(&mut client, SECOND);
    assert_eq!(heard(&mut events), ":bye | end");
    pass(&mut client, Duration::ZERO);
    assert_eq!(client.connections(), 1, "it is kept for the next request");
}

#[test]
fn nothing_is_injected() {
    let mut client = start(server().get("/", async |ctx: Context| -> Result {
        let mut events = ctx.event_stream()?;
        for wrong in ["a\ndata: b", "a\rdata: b", "a\r\n\r\ndata: b"] {
            assert!(events.send(Event::data("x").id(wrong)).await.is_err());
            assert!(events.send(Event::data("x").event(wrong)).await.is_err());
            events.send(Event::comment(wrong)).await?;
        }
        assert!(events.send(Event::data("x").id("a\0")).await.is_err());
        events.send("a\nid: 9\n\nevent: b").await
    }));
    let mut events = open(&mut client, "/");
    assert_eq!(
        heard(&mut events),
        ":a | :data: b | :a | :data: b | :a | : | :data: b | a\nid: 9\n\nevent: b | end"
    );
}

#[test]
fn a_silent_stream_beats() {
    let mut client = start(
        server()
            .get("/silent", silent)
            .get("/news", |ctx: Context| ctx.event_stream_of("news"))
            .get("/tick", async |ctx: Context| -> Result {
                let options = Options::default().heartbeat(3 * SECOND);
                let mut events = ctx.event_stream_with(&options)?;
                loop {
                    crate::time::sleep(2 * SECOND).await;
                    events.send("tick").await?;
                }
            })
            .get("/never", async |ctx: Context| -> Result {
                let options = Options::default().heartbeat(Duration::ZERO);
                let events = ctx.event_stream_with(&options)?;
                events.closed().await;
                Ok(())
            }),
    );
    for target in ["/silent", "/news"] {
        let mut events = open(&mut client, target);
        pass(&mut client, 14 * SECOND);
        assert_eq!(heard(&mut events), "");
        pass(&mut client, 2 * SECOND);
        assert_eq!(heard(&mut events), ":");
        pass(&mut client, 31 * SECOND);
        assert_eq!(heard(&mut events), ": | :");
    }
    let mut events = open(&mut client, "/tick");
    pass(&mut client, 5 * SECOND);
    assert_eq!(heard(&mut events), "tick | tick", "it is not silent");
    let mut events = open(&mut client, "/never");
    pass(&mut client, 3600 * SECOND);
    assert_eq!(heard(&mut events), "");
}

#[test]
fn a_client_that_leaves_is_noticed_at_once() {
    let builder = server()
        .get("/silent", counted)
        .get("/news", |ctx: Context| ctx.event_stream_of("news"));
    let topics = builder.topics();
    let mut client = start(builder);
    let mut streams: Vec<EventStream> = Vec::new();
    for number in 0..1000 {
        let target = ["/silent", "/news"][number % 2];
        streams.push(open(&mut client, target));
    }
    assert_eq!((HANDLERS.get(), topics.subscribers("news")), (500, 500));
    drop(streams);
    pass(&mut client, Duration::ZERO);
    assert_eq!((HANDLERS.get(), topics.subscribers("news")), (0, 0));
    assert_eq!(client.connections(), 0);
    assert_eq!(client.http().core().counts.connections.get(), 0);
}

#[test]
fn a_stream_beyond_its_handler_hears_of_the_end() {
    let mut client = start(server().get("/", |ctx: Context| -> Result {
        let mut events = ctx.event_stream()?;
        crate::spawn(async move {
            let _running = Running::begin();
            assert!(events.is_open());
            events.closed().await;
            assert!(!events.is_open());
            assert!(events.send("too late").await.is_err());
        });
        Ok(())
    }));
    let events = open(&mut client, "/");
    pass(&mut client, Duration::ZERO);
    assert_eq!(HANDLERS.get(), 1);
    drop(events);
    pass(&mut client, Duration::ZERO);
    assert_eq!(HANDLERS.get(), 0);
}

#[test]
fn a_lifetime_ends_in_good_order() {
    let options = Options::default().max_lifetime(60 * SECOND);
    let other = options.clone();
    let mut client = start(
        server()
            .get("/news", move |ctx: Context| {
                ctx.event_stream_of_with("news", &options)
            })
            .get("/silent", move |ctx: Context| {
                let options = other.clone();
                async move {
                    let _running = Running::begin();
                    let events = ctx.event_stream_with(&options)?;
                    std::future::pending::<()>().await;
                    drop(events);
                    crate::ok()
                }
            }),
    );
    for (target, ending) in [("/news", ": | : | : | end"), ("/silent", ": | : | : | end")] {
        let mut events = open(&mut client, target);
        pass(&mut client, 59 * SECOND);
        assert_eq!(heard(&mut events), ": | : | :", "{target}");
        pass(&mut client, 2 * SECOND);
        assert!(ending.ends_with(&heard(&mut events).replace(" | closed", "")));
        assert!(events.is_whole(), "{target}");
    }
    assert_eq!(HANDLERS.get(), 0);
}

#[test]
fn a_drain_ends_all_streams_in_its_first_half() {
    let mut client = start(
        server()
            .drain_time(20 * SECOND)
            .get("/silent", counted)
            .get("/news", |ctx: Context| ctx.event_stream_of("news")),
    );
    let targets = ["/silent", "/news"].iter().cycle().take(40);
    let mut streams: Vec<EventStream> = targets.map(|target| open(&mut client, target)).collect();
    client.shut_down(20 * SECOND);
    let mut ended = Vec::new();
    for _ in 0..9 {
        pass(&mut client, SECOND);
        ended.push(
            streams
                .iter_mut()
                .filter_map(|events| {
                    let _ = heard(events);
                    events.is_whole().then_some(())
                })
                .count(),
        );
    }
    assert!(
        ended.windows(2).all(|pair| pair[0] < pair[1]),
        "spread: {ended:?}"
    );
    let _ = client.run(2 * SECOND); // it ends when the last has gone
    let is_over = |events: &mut EventStream| heard(events).contains("end");
    assert!(streams.iter_mut().all(is_over));
    assert_eq!(HANDLERS.get(), 0);
}

#[test]
fn each_event_can_be_decoded_when_it_comes() {
    let mut client = start(
        server()
            .with(Compression::new())
            .get("/", async |ctx: Context| -> Result {
                let mut events = ctx.event_stream()?;
                for _ in 0..2 {
                    events.send("a".repeat(100)).await?;
                    crate::time::sleep(SECOND).await;
                }
                Ok(())
            })
            .get("/news", |ctx: Context| ctx.event_stream_of("news")),
    );
    let connection = client.connect();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    pass(&mut client, Duration::ZERO);
    let (head, mut body) = head_and_body(connection.read());
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    let event = format!("data: {}\n\n", "a".repeat(100));
    assert_eq!(decoded(&body), event);
    pass(&mut client, SECOND);
    body.extend(connection.read());
    assert_eq!(decoded(&body), event.repeat(2));

    let request = client.get("/news").header("Accept-Encoding", "gzip");
    let events = request.event_stream().expect("a stream");
    assert_eq!(events.head().header("Content-Encoding"), None);
}

fn head_and_body(bytes: Vec<u8>) -> (String, Vec<u8>) {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = bytes.split_at(end.expect("a head") + 4);
    (String::from_utf8_lossy(head).into_owned(), body.to_owned())
}

/// As much of a coded and chunked body as can be read so far.
fn decoded(mut body: &[u8]) -> String {
    use ringlane_protocol::{BodyDecoder, BodyPart, Framing};
    use std::io::Write;

    let mut chunks = BodyDecoder::new(Framing::Chunked);
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    loop {
        let step = chunks.decode(body).expect("chunks");
        body = &body[step.consumed..];
        match step.part {
            BodyPart::Data(data) => decoder.write_all(data).expect("gzip"),
            BodyPart::NeedMore | BodyPart::End => break,
        }
    }
    decoder.flush().expect("gzip");
    String::from_utf8(decoder.get_ref().clone()).expect("text")
}
