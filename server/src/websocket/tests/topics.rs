//! Topics: who gets what is published, in what order, and who is let go.

use std::time::Duration;

use super::{SECOND, Talk, heard, server, start};
use crate::testing::{Client, WebSocket};
use crate::websocket::{
    CROSSING_BYTES_MAX, CloseCode, DeflateConfig, Handler, Message, Options, SlowClient, Socket,
    SubscribeError, TOPIC_BYTES_MAX, TOPICS_PER_SOCKET_MAX,
};
use crate::{Builder, Context, Result};

/// Takes orders: `+topic`, `-topic`, `topic: text`.
struct Rooms;

impl Handler for Rooms {
    type State = ();

    fn on_open(&self, ctx: &Context, socket: &Socket) -> Result {
        if let Ok(topic) = ctx.query::<String>("room") {
            socket.subscribe(&topic)?;
        }
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        let text = message.text().unwrap_or_default();
        if let Some(topic) = text.strip_prefix('+') {
            socket.subscribe(topic).expect("it may");
        } else if let Some(topic) = text.strip_prefix('-') {
            socket.send(socket.unsubscribe(topic).to_string());
        } else if let Some((topic, text)) = text.split_once(": ") {
            assert!(socket.publish(topic, text));
        }
    }
}

fn rooms() -> Builder {
    rooms_with(Options::default())
}

fn rooms_with(options: Options) -> Builder {
    server().websocket_with("/ws", options, Rooms).post(
        "/publish/{topic}",
        async |ctx: Context| -> Result {
            let text = ctx.body().text().await?;
            let topic = ctx.param_text("topic").unwrap_or_default();
            ctx.topics().publish(topic, text);
            ctx.text_fmt(format_args!("{}", ctx.topics().subscribers(topic)));
            Ok(())
        },
    )
}

fn open(client: &mut Client, target: &str) -> WebSocket {
    client.get(target).websocket().expect("a socket")
}

fn run(client: &mut Client) {
    client.run(Duration::ZERO).expect("the core runs");
}

#[test]
fn what_is_published_reaches_all_others_in_order() {
    let mut client = start(rooms());
    let mut sockets: Vec<_> = (0..5).map(|_| open(&mut client, "/ws?room=a")).collect();
    let mut outsider = open(&mut client, "/ws?room=b");
    for number in 0..200 {
        sockets[0].send(format!("a: {number}"));
    }
    run(&mut client);
    let all: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(heard(&mut sockets[0]), "", "it is the publisher");
    for socket in &mut sockets[1..] {
        assert_eq!(heard(socket), all.join(" | "));
    }
    outsider.send("a: from outside");
    run(&mut client);
    for socket in &mut sockets {
        assert_eq!(heard(socket), "from outside");
    }
    assert_eq!(heard(&mut outsider), "");
}

#[test]
fn following_twice_is_once_and_leaving_is_told() {
    let mut talk = Talk::with(rooms());
    talk.send("+a").send("+a");
    let published = talk.client.post("/publish/a").body("once").send();
    assert_eq!(published.expect("an answer").text(), "1");
    talk.expect("once");
    talk.send("-a").send("-a").expect("true | false");
    let published = talk.client.post("/publish/a").body("never").send();
    assert_eq!(published.expect("an answer").text(), "0");
    talk.expect("");
}

#[test]
fn the_end_of_a_socket_ends_what_it_follows() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut first = open(&mut client, "/ws?room=a");
    let second = open(&mut client, "/ws?room=a");
    let third = open(&mut client, "/ws?room=a");
    assert_eq!(topics.subscribers("a"), 3);
    first.close(CloseCode::NORMAL, "");
    drop(second);
    run(&mut client);
    assert_eq!(topics.subscribers("a"), 1);
    third.connection().send("nonsense that is no frame");
    run(&mut client);
    assert_eq!(topics.subscribers("a"), 0);
    assert_eq!(topics.subscribers("unknown"), 0);
}

#[test]
fn what_another_thread_publishes_arrives_too() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut socket = open(&mut client, "/ws?room=a");
    let publisher = std::thread::spawn(move || {
        for number in 0..100 {
            assert!(topics.publish("a", number.to_string()));
        }
    });
    publisher.join().expect("it ended");
    run(&mut client);
    let all: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(heard(&mut socket), all.join(" | "));
}

#[test]
fn a_core_that_does_not_keep_up_is_not_buried() {
    let builder = rooms();
    let topics = builder.topics();
    let mut client = start(builder);
    let mut socket = open(&mut client, "/ws?room=a");
    let message = vec![b'x'; CROSSING_BYTES_MAX / 8];
    let publisher = std::thread::spawn(move || {
        let taken = (0..20).filter(|_| topics.publish("a", &message[..]));
        (taken.count(), topics)
    });
    let (taken, topics) = publisher.join().expect("it ended");
    assert_eq!(taken, 8, "as many as fit, and the one that goes beyond");
    run(&mut client);
    std::thread::spawn(move || assert!(topics.publish("a", "there is room again")))
        .join()
        .expect("it was taken");
    client.run(SECOND).expect("the core runs");
    // The socket's own maximum let the first pass, and it was taken whole.
    let words = heard(&mut socket);
    assert!(words.starts_with("8388608 bytes"), "{words}");
}

#[test]
fn each_follower_gets_the_form_that_it_takes() {
    let options = Options::default().compression(Some(DeflateConfig::DEDICATED));
    let mut client = start(rooms_with(options));
    let text = "again and again ".repeat(2000);
    let mut plain = open(&mut client, "/ws?room=a");
    let offered = |client: &mut Client, offer: &str| {
        let request = client.get("/ws?room=a");
        let request = request.header("Sec-WebSocket-Extensions", offer);
        request.websocket().expect("a socket")
    };
    let mut compressed = offered(&mut client, "permessage-deflate");
    let mut small = offered(&mut client, "permessage-deflate; server_max_window_bits=9");
    for _ in 0..3 {
        let published = client.post("/publish/a").body(text.clone()).send();
        assert_eq!(published.expect("an answer").text(), "3");
        run(&mut client);
        for socket in [&mut plain, &mut compressed, &mut small] {
            assert_eq!(heard(socket), "32000 bytes");
        }
    }
}

#[test]
fn a_slow_follower_loses_its_own_messages_alone() {
    for policy in [
        SlowClient::DropNewest,
        SlowClient::DropOldest,
        SlowClient::Close,
    ] {
        let builder = rooms_with(Options::default().slow_client(policy));
        let topics = builder.topics();
        let mut client = start(builder);
        let mut quick = open(&mut client, "/ws?room=a");
        let mut slow = open(&mut client, "/ws?room=a");
        slow.connection().pause(true);
        let mut count = 0;
        for number in 0..300 {
            topics.publish("a", format!("{number:->1024}"));
            run(&mut client);
            count += quick.read().len();
        }
        assert_eq!(count, 300, "{policy:?}");
        slow.connection().pause(false);
        run(&mut client);
        run(&mut client);
        let words = heard(&mut slow);
        let few = words.split(" | ").count();
        assert!((60..200).contains(&few), "{policy:?}: {few}");
        assert_eq!(words.contains("close 1013"), policy == SlowClient::Close);
    }
}

#[test]
fn names_and_numbers_of_topics_have_limits() {
    struct Greedy;
    impl Handler for Greedy {
        type State = ();
        fn on_open(&self, _: &Context, socket: &Socket) -> Result {
            let name = "x".repeat(TOPIC_BYTES_MAX);
            assert_eq!(socket.subscribe(&name), Ok(()));
            let error = socket.subscribe(&(name + "x"));
            assert_eq!(error, Err(SubscribeError::NameTooLong));
            for number in 1..TOPICS_PER_SOCKET_MAX {
                assert_eq!(socket.subscribe(&number.to_string()), Ok(()));
            }
            assert_eq!(socket.subscribe("more"), Err(SubscribeError::TooMany));
            assert_eq!(socket.subscribe("1"), Ok(()), "it is followed already");
            socket.send("all is well");
            socket.close(CloseCode::NORMAL, "");
            assert_eq!(socket.subscribe("more"), Err(SubscribeError::Closed));
            Ok(())
        }
        fn on_message(&self, (): &mut (), _: &Socket, _: Message<'_>) {}
    }
    let builder = server().websocket("/ws", Greedy);
    let topics = builder.topics();
    Talk::with(builder)
        .expect("all is well | close 1000")
        .expect_end();
    assert_eq!(topics.subscribers("1"), 0);
}
