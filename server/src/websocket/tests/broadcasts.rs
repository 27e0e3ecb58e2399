//! Broadcasts: values for subscriptions and sockets, on one core and on several.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;

use super::{Talk, heard, server, start};
use crate::testing::Client;
use crate::websocket::{Broadcast, CloseCode, Handler, Message, Socket};
use crate::{Builder, Context, Result};

#[derive(Debug, Serialize)]
struct Value {
    number: u32,
}

/// Follows a broadcast, and sends to it what comes.
struct Following(&'static Broadcast<Value>);

impl Handler for Following {
    type State = ();

    fn on_open(&self, _: &Context, socket: &Socket) -> Result {
        socket.follow(self.0)?;
        socket.follow(self.0)?; // once
        Ok(())
    }

    fn on_message(&self, (): &mut (), socket: &Socket, message: Message<'_>) {
        match message.text().and_then(|text| text.parse().ok()) {
            Some(number) => drop(self.0.send(Value { number })),
            None => {
                socket.send(socket.unfollow(self.0).to_string());
            }
        }
    }
}

/// Sends numbers on as they come, and how many were lost.
fn subscribing(broadcast: &'static Broadcast<Value>) -> Builder {
    server().get("/ws", move |ctx: Context| async move {
        let socket = ctx.websocket()?;
        let mut values = broadcast.subscribe();
        for _ in 0..1000 {
            match values.receive().await {
                Ok(value) => socket.send(value.number.to_string()).await?,
                Err(lagged) => socket.send(lagged.to_string()).await?,
            }
        }
        crate::ok()
    })
}

/// How many values a core that does not run takes, each of about so many bytes.
fn taken(broadcast: &'static Broadcast<String>, bytes: usize) -> usize {
    let subscribing = server().get("/ws", move |ctx: Context| async move {
        let _socket = ctx.websocket()?;
        let _values = broadcast.subscribe();
        std::future::pending::<Result>().await
    });
    let mut client = start(subscribing);
    let _socket = client.get("/ws").websocket().expect("a socket");
    let text = "a".repeat(bytes);
    let sent = std::thread::spawn(move || {
        (0..1000)
            .take_while(|_| broadcast.send(text.clone()))
            .count()
    });
    sent.join().expect("it ends")
}

#[test]
fn values_on_their_way_count_what_they_have() {
    const MIB: usize = 1024 * 1024;
    static BY_JSON: LazyLock<Broadcast<String>> = LazyLock::new(Broadcast::new);
    static WEIGHED: LazyLock<Broadcast<String>> =
        LazyLock::new(|| Broadcast::weighed(10, |text| 2 * text.len()));
    let most = crate::topics::CROSSING_BYTES_MAX / MIB;
    assert_eq!(taken(&BY_JSON, MIB), most);
    assert_eq!(taken(&WEIGHED, MIB), most / 2);
}

fn pass(clients: [&mut Client; 2]) {
    for client in clients {
        client.run(Duration::ZERO).expect("the core runs");
    }
}

#[test]
fn a_value_reaches_sockets_and_subscriptions_of_all_cores() {
    static VALUES: LazyLock<Broadcast<Value>> = LazyLock::new(Broadcast::new);
    // Two servers stand for two cores.
    let mut one = Talk::with(server().websocket("/ws", Following(&VALUES)));
    let mut second = one.client.get("/ws").websocket().expect("a socket");
    let mut other = Talk::with(subscribing(&VALUES));
    one.socket.send("1");
    one.socket.send("2");
    pass([&mut one.client, &mut other.client]);
    one.expect("{\"number\":1} | {\"number\":2}");
    assert_eq!(heard(&mut second), "{\"number\":1} | {\"number\":2}");
    other.expect("1 | 2");
    // From no core at all.
    std::thread::spawn(|| VALUES.send(Value { number: 3 }))
        .join()
        .expect("sent");
    pass([&mut other.client, &mut one.client]);
    one.expect("{\"number\":3}");
    other.expect("3");
    one.send("stop").expect("true");
    second.send("4");
    pass([&mut one.client, &mut other.client]);
    assert_eq!(heard(&mut second), "{\"number\":3} | {\"number\":4}");
    one.expect("");
    other.expect("4");
}

#[test]
fn a_subscription_that_falls_behind_is_told_how_far() {
    static VALUES: LazyLock<Broadcast<Value>> = LazyLock::new(|| Broadcast::with_capacity(10));
    let mut talk = Talk::with(subscribing(&VALUES));
    std::thread::spawn(|| (0..10).all(|number| VALUES.send(Value { number })))
        .join()
        .expect("sent");
    talk.pass(Duration::ZERO)
        .expect("0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9");
    std::thread::spawn(|| (0..13).all(|number| VALUES.send(Value { number })))
        .join()
        .expect("sent");
    talk.pass(Duration::ZERO)
        .expect("3 values were lost | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12");
}

#[test]
fn who_has_gone_is_in_no_list() {
    static VALUES: LazyLock<Broadcast<Value>> = LazyLock::new(Broadcast::new);
    let mut one = Talk::with(server().websocket("/ws", Following(&VALUES)));
    let other = Talk::with(subscribing(&VALUES));
    one.socket.close(CloseCode::NORMAL, "");
    one.pass(Duration::ZERO);
    assert!(VALUES.send(Value { number: 1 }));
    let Talk { mut client, socket } = other;
    drop(socket);
    client.run(Duration::ZERO).expect("the core runs");
    drop(client);
    assert!(VALUES.send(Value { number: 2 }));
    assert!(one.client.connections() == 0);
    // Whoever comes later hears what comes later.
    let mut late = Talk::with(subscribing(&VALUES));
    late.expect("");
}

#[test]
fn a_value_that_cannot_be_serialised_harms_nobody() {
    #[derive(Debug)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("on purpose")
        }
    }
    static VALUES: LazyLock<Broadcast<Stubborn>> = LazyLock::new(Broadcast::new);
    let follow = |socket: &Socket, _: Message<'_>| {
        socket.follow(&VALUES).expect("it may");
        socket.send("follows");
    };
    let mut talk = Talk::with(server().websocket("/ws", follow));
    talk.send("now").expect("follows");
    std::thread::spawn(|| VALUES.send(Stubborn))
        .join()
        .expect("sent");
    talk.pass(Duration::ZERO).expect("");
    talk.send("still there?").expect("follows");
    drop(start(server()));
}
